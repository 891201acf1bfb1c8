/* One of the diagrams, with live numbers at its parts; a part is a link, for the keyboard too. */

export default function (component) {
  const root = component.parentElement;
  if (!component.data) return;
  const { name, numbers, here } = component.data;
  for (const svg of root.querySelectorAll("svg")) svg.style.display = svg.dataset.name === name ? "block" : "none";
  for (const place of root.querySelectorAll("[data-number]")) place.textContent = numbers[place.dataset.number] ?? "";
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
