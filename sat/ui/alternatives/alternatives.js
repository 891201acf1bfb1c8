/* The best next words with their probabilities; each but the one that was written can be chosen instead. */

export default function (component) {
  const list = component.parentElement.querySelector(".alternatives");
  if (!list || !component.data) return;
  const { id, words, top } = component.data[0];
  list.replaceChildren(
    ...words.map(({ word, share, percent, written }) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.disabled = written || !component.data[0].choosable;
      button.className = written ? "written" : "";
      button.setAttribute("aria-label", written ? `${word}, ${percent}, written here` : `Write “${word}” instead, ${percent}`);
      if (!button.disabled) button.title = `Write “${word}” here and go on from there`;
      const bar = part("bar", "");
      bar.style.width = `${(100 * share) / (top || 1)}%`;
      button.append(part("word", word), bar, part("share", percent));
      button.onclick = () => component.setTriggerValue("chosen", { id, word });
      item.append(button);
      return item;
    }),
  );
}

function part(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}
