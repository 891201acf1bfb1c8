/* Scrolls only when the screen is another than before and its top is out of sight. */

let before = null;

export default function (component) {
  const place = component.parentElement.querySelector(".top");
  if (!place || !component.data) return;
  const { screen } = component.data;
  const turned = before !== null && before !== screen;
  before = screen;
  if (!turned) return;
  const { top } = place.getBoundingClientRect();
  if (top >= 0 && top < window.innerHeight / 2) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.scrollIntoView({ block: "start", behavior: calm ? "instant" : "smooth" });
}
