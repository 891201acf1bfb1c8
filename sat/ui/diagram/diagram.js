/* One of the diagrams, with live numbers and pictures at its parts; a part is a link, for the keyboard too. */

const SVG = "http://www.w3.org/2000/svg";

export default function (component) {
  const root = component.parentElement;
  if (!component.data) return;
  const { name, numbers, images, gauges, words, at, here } = component.data[0];
  for (const svg of root.querySelectorAll("svg")) svg.style.display = svg.dataset.name === name ? "block" : "none";
  for (const place of root.querySelectorAll("[data-number]")) place.textContent = numbers[place.dataset.number] ?? "";
  for (const place of root.querySelectorAll("[data-image]")) {
    const source = images[place.dataset.image];
    place.style.display = source ? "" : "none";
    if (source) place.setAttribute("href", source);
  }
  for (const bar of root.querySelectorAll("[data-gauge]")) {
    const share = Math.min(Math.max(gauges[bar.dataset.gauge] ?? 0, 0), 1);
    bar.setAttribute("width", share * Number(bar.dataset.full));
  }
  for (const place of root.querySelectorAll("[data-words]")) listWords(place, words, at);
  for (const part of root.querySelectorAll("[data-part]")) {
    part.setAttribute("role", "link");
    part.setAttribute("tabindex", "0");
    part.setAttribute("aria-current", part.dataset.part === here);
    part.classList.toggle("here", part.dataset.part === here);
    part.onclick = () => component.setTriggerValue("part", part.dataset.part);
    part.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      part.onclick();
    };
  }
}

/* The caption from above down, the current word strong; where it is too long, the words around the current one. */
function listWords(place, words, at) {
  const [x, top, step, most] = place.dataset.words.split(" ").map(Number);
  const first = Math.max(0, Math.min(at - Math.floor(most / 2), words.length - most));
  place.replaceChildren(
    ...words.slice(first, first + most).map((word, i) => {
      const text = document.createElementNS(SVG, "text");
      text.setAttribute("x", x);
      text.setAttribute("y", top + i * step);
      if (first + i === at) text.setAttribute("class", "current");
      text.textContent = word.length > 13 ? `${word.slice(0, 12)}…` : word;
      return text;
    }),
  );
}
