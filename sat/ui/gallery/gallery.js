/* Thumbnails to choose one picture from: a radio group, arrow keys included. */

export default function (component) {
  const root = component.parentElement.querySelector(".gallery");
  if (!root || !component.data) return;
  const { items, chosen } = component.data[0];
  const names = items.map((item) => item.name).join("\n");
  if (root.dataset.names !== names) {
    root.dataset.names = names;
    root.replaceChildren(
      ...items.map((item) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sample";
        button.value = item.name;
        button.setAttribute("role", "radio");
        const image = document.createElement("img");
        image.src = item.thumbnail;
        image.alt = "";
        button.append(image, item.label);
        return button;
      }),
    );
  }
  const mark = (name) => {
    const buttons = [...root.children];
    const some = buttons.some((button) => button.value === name);
    buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", button.value === name);
      button.tabIndex = button.value === name || (!some && i === 0) ? 0 : -1;
    });
  };
  const choose = (button) => {
    mark(button.value);
    component.setTriggerValue("chosen", button.value);
  };
  root.onclick = (event) => {
    const button = event.target.closest(".sample");
    if (button) choose(button);
  };
  root.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const buttons = [...root.children];
    const to = buttons[(buttons.indexOf(event.target.closest(".sample")) + by + buttons.length) % buttons.length];
    to.focus();
    choose(to);
  };
  mark(chosen);
}
