export default function (component) {
  const place = component.parentElement.querySelector(".scroll");
  if (!place || !component.data) return;
  place.setAttribute("aria-label", component.data.label);
  if (place.drawn === component.data.drawing) return;
  place.drawn = component.data.drawing;
  place.innerHTML = component.data.drawing;
}
