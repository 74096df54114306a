"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const addresses = new Map();

/** The address of a picture that the file holds, decoded when it is first shown. */
function addressOf(name) {
  if (!addresses.has(name)) {
    const [type, code] = document.getElementById(name).textContent.split(",");
    const bytes = Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0));
    addresses.set(name, URL.createObjectURL(new Blob([bytes], { type })));
  }
  return addresses.get(name);
}

/**
 * Show one part of a picture that holds many of the same size.
 * part: {name, width, height, columns, rows, place}; longest: pixels of the longer side on screen.
 */
function showPart(box, part, longest) {
  const scale = longest / Math.max(part.width, part.height);
  const width = Math.max(1, part.width * scale), height = Math.max(1, part.height * scale);
  const column = part.place % part.columns, row = Math.floor(part.place / part.columns);
  box.style.width = `${width}px`;
  box.style.height = `${height}px`;
  box.style.backgroundImage = `url("${addressOf(part.name)}")`;
  box.style.backgroundSize = `${width * part.columns}px ${height * part.rows}px`;
  box.style.backgroundPosition = `${-column * width}px ${-row * height}px`;
  box.classList.toggle("coarse", scale >= 2);
}

/** The part of a sheet that shows the entry at a place of a run; null where there is none. */
function thumbnailOf(number, place) {
  const sizes = data.runs[number].thumbnails;
  if (!sizes || place >= sizes.shown) return null;
  const sheet = Math.floor(place / sizes.on_sheet);
  const on = Math.min(sizes.on_sheet, sizes.shown - sheet * sizes.on_sheet,
    data.runs[number].entries.length - sheet * sizes.on_sheet);
  return {
    name: `sheet-${number}-${sheet}`,
    width: sizes.width,
    height: sizes.height,
    columns: Math.min(sizes.columns, on),
    rows: Math.ceil(on / sizes.columns),
    place: place % sizes.on_sheet,
  };
}

/** An element with a class and a text; texts are never read as HTML. */
function element(name, kind = "", text = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== "") made.textContent = text;
  return made;
}

function counted(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
