/* Captions in rows: a click opens one, a click on a heading sorts. Sorting is the server's: there may be thousands. */

export default function (component) {
  const root = component.parentElement.querySelector(".rows");
  if (!root || !component.data) return;
  const { columns, rows, sort, descending, label } = component.data[0];
  const said = JSON.stringify(component.data[0]);
  if (root.dataset.said === said) return;
  const focused = root.getRootNode().activeElement?.value;
  root.dataset.said = said;
  const table = element("table");
  table.setAttribute("aria-label", label);
  const head = element("tr");
  head.append(element("th", "thumb"), element("th", "", "Caption"));
  head.firstChild.append(element("span", "", ""));
  for (const column of columns) {
    const cell = element("th", "number");
    cell.scope = "col";
    const mark = column.name === sort ? (descending ? " ↓" : " ↑") : "";
    const button = element("button", "sort", column.label + mark);
    button.type = "button";
    button.value = column.name;
    button.title = column.help;
    button.onclick = () => component.setTriggerValue("sorted", column.name);
    if (column.name === sort) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
    cell.append(button);
    head.append(cell);
  }
  const thead = element("thead");
  thead.append(head);
  const body = element("tbody");
  for (const row of rows) body.append(line(row, columns, sort, (image) => component.setTriggerValue("opened", image)));
  table.append(thead, body);
  root.replaceChildren(table);
  if (focused) root.querySelector(`button[value="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function line(row, columns, sort, open) {
  const tr = element("tr");
  const thumb = element("td", "thumb");
  if (row.thumbnail) {
    const image = element("img");
    image.src = row.thumbnail;
    image.alt = "";
    image.loading = "lazy";
    thumb.append(image);
  } else thumb.append(element("span", "none"));
  const caption = element("td");
  const button = element("button", "open");
  button.type = "button";
  button.value = row.image;
  const text = element("span", "text");
  row.words.forEach(([word, bad], i) => {
    if (i) text.append(" ");
    text.append(bad ? element("span", "bad", word) : word);
  });
  button.append(text);
  const bad = row.words.filter(([, made]) => made).map(([word]) => word);
  if (bad.length) button.setAttribute("aria-description", `No reference bears out: ${bad.join(", ")}`);
  caption.append(button);
  if (row.note || row.tags.length) {
    const note = element("span", "note", row.note);
    if (row.note && row.tags.length) note.append(" ");
    for (const tag of row.tags) note.append(element("span", "tag", tag));
    caption.append(note);
  }
  tr.append(thumb, caption);
  columns.forEach((column, i) => {
    tr.append(element("td", column.name === sort ? "number sorted" : "number", row.cells[i]));
  });
  tr.onclick = () => open(row.image);
  return tr;
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
