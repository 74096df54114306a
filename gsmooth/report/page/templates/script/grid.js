const SORTS = {
  "index": (a, b) => a.entry.index - b.entry.index,
  "most-votes": (a, b) => b.entry.votes - a.entry.votes,
  "least-votes": (a, b) => a.entry.votes - b.entry.votes,
  "part": (a, b) => b.entry.fraction - a.entry.fraction,
  "class": (a, b) => a.entry.answers.label - b.entry.answers.label,
};
const REASONS = { futile: "votes speak against it", budget: "too few votes allowed",
  unreachable: "no number of votes could do", impossible: "no original possible" };
const PRINTED = 120, THUMBNAIL = 96, SPARE_ROWS = 3;

/** The grid of images: filters, order, the keyboard, and cards for the rows that are in sight. */
class Grid {
  constructor() {
    this.list = document.getElementById("grid");
    this.form = document.getElementById("filters");
    this.details = new Details((step) => this.move(step));
    this.printing = matchMedia("print");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.apply());
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("keydown", (event) => this.pressed(event));
    this.details.dialog.addEventListener("close", () => this.focus());
    window.addEventListener("scroll", () => this.later(), { passive: true });
    window.addEventListener("resize", () => this.later());
    document.querySelectorAll("details").forEach((one) =>
      one.addEventListener("toggle", () => this.later()));
    this.printing.addEventListener("change", () => this.print());
  }

  take(number) {
    this.number = number;
    this.cards = data.runs[number].entries.map((entry, place) => ({ entry, place, node: null }));
    this.list.classList.toggle("bare", !data.runs[number].thumbnails);
    this.offerClasses();
    this.offerVerdicts();
    this.apply();
  }

  offerClasses() {
    const counts = new Map();
    for (const { entry } of this.cards) {
      const known = counts.get(entry.answers.label) || { name: entry.answers.true, images: 0 };
      counts.set(entry.answers.label, { ...known, images: known.images + 1 });
    }
    const all = new Option(`all (${this.cards.length})`, "");
    const options = [...counts].sort(([a], [b]) => a - b).map(
      ([label, { name, images }]) => new Option(`${name} (${images})`, label));
    this.form.elements.class.replaceChildren(all, ...options);
  }

  /** One choice for every verdict and reason that occurs, and for attacks and sliders. */
  offerVerdicts() {
    const choices = [["all", "All", () => true]];
    for (const [kind, name] of Object.entries(data.kinds)) {
      choices.push([kind, name, (entry) => entry.kind === kind]);
    }
    for (const reason of Object.keys(REASONS)) {
      choices.push([reason, `Abstained: ${reason}`, (entry) => entry.reason === reason]);
    }
    choices.push(["attacked", "Attack found", (entry) => entry.attack && !entry.attack.robust]);
    const paths = data.runs[this.number].paths;
    choices.push(["slider", "With a slider", (entry) => entry.index in paths]);
    this.verdicts = Object.fromEntries(choices.map(([value, , holds]) => [value, holds]));
    const legend = document.querySelector("#verdicts legend");
    const offered = choices.map(([value, name, holds]) => {
      const images = this.cards.filter(({ entry }) => holds(entry)).length;
      return images ? this.choice(value, name, images) : null;
    });
    document.getElementById("verdicts").replaceChildren(legend, ...offered.filter(Boolean));
  }

  choice(value, name, images) {
    const label = element("label", "chip");
    const input = element("input");
    Object.assign(input, { type: "radio", name: "verdict", value, checked: value === "all" });
    label.append(input, element("span", "chip-text", name),
      element("span", "chip-count", images.toLocaleString("en")));
    if (value in data.kinds) label.dataset.kind = value;
    return label;
  }

  apply() {
    const { sort, verdict, index } = this.form.elements, label = this.form.elements.class.value;
    const holds = this.verdicts[verdict.value];
    this.shown = this.cards.filter(({ entry }) => holds(entry)
      && (label === "" || String(entry.answers.label) === label)
      && (index.value === "" || entry.index === Number(index.value)));
    this.shown.sort(SORTS[sort.value]);
    this.chosen = this.shown[0] || null;
    document.getElementById("found").textContent = this.shown.length === this.cards.length
      ? counted(this.cards.length, "image", "images")
      : `${this.shown.length.toLocaleString("en")} of ${counted(this.cards.length, "image", "images")}`;
    const printed = document.getElementById("printed");
    printed.textContent = this.shown.length > PRINTED
      ? `The first ${PRINTED} of ${this.shown.length} images are printed; filter them to choose others.` : "";
    this.list.replaceChildren();
    this.lay();
    document.documentElement.dataset.ready = "";
  }

  /** Lay the cards anew before the next frame is drawn; several calls are one. */
  later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.lay();
    });
  }

  /** Put the cards of the rows in sight into the list, and as much space as the others take. */
  lay() {
    if (this.printing.matches) return;
    const { across, pitch } = this.measure(), rows = Math.ceil(this.shown.length / across);
    const above = -this.list.getBoundingClientRect().top;
    // Some rows are there even when none is in sight: the keyboard gets to the grid by them.
    const bound = (row, least) => Math.max(least, Math.min(rows, row));
    const latest = Math.max(0, rows - SPARE_ROWS);
    const first = Math.min(latest, bound(Math.floor(above / pitch) - SPARE_ROWS, 0));
    const end = bound(Math.ceil((above + innerHeight) / pitch) + SPARE_ROWS,
      Math.min(rows, first + SPARE_ROWS));
    this.list.style.paddingTop = `${first * pitch}px`;
    this.list.style.paddingBottom = `${(rows - end) * pitch}px`;
    this.put(first * across, end * across);
  }

  /** Cards in a row, and the height of a row with the gap below it. */
  measure() {
    if (!this.list.firstChild && this.shown.length) this.put(0, 1);
    const style = getComputedStyle(this.list);
    const across = style.gridTemplateColumns.split(" ").length;
    const card = this.list.firstChild ? this.list.firstChild.offsetHeight : 1;
    return { across, pitch: card + parseFloat(style.rowGap) };
  }

  put(start, end) {
    const cards = this.shown.slice(start, end), present = this.list.children;
    if (cards.length !== present.length || cards.some((card, i) => card.node !== present[i])) {
      const focused = this.list.contains(document.activeElement);
      this.list.replaceChildren(...cards.map((card, i) => this.nodeOf(card, start + i)));
      if (focused && this.chosen.node.isConnected) this.button().focus({ preventScroll: true });
    }
    // One card can be reached by Tab: the chosen one, or else the first that is there.
    const stop = cards.includes(this.chosen) ? this.chosen : cards[0];
    cards.forEach((card) => (card.node.firstChild.tabIndex = card === stop ? 0 : -1));
  }

  button() {
    return this.chosen.node.firstChild;
  }

  nodeOf(card, position) {
    if (!card.node) {
      card.node = this.made(card);
      card.node.card = card;
    }
    card.node.setAttribute("aria-posinset", position + 1);
    card.node.setAttribute("aria-setsize", this.shown.length);
    return card.node;
  }

  made({ entry, place }) {
    const item = element("li", "card"), button = element("button");
    button.type = "button";
    const part = thumbnailOf(this.number, place);
    if (part) {
      const frame = element("span", "frame"), picture = element("span", "thumbnail");
      showPart(picture, part, THUMBNAIL);
      frame.append(picture);
      button.append(frame);
    }
    const verdict = element("span", "verdict", this.verdictOf(entry));
    verdict.dataset.kind = entry.kind;
    button.append(element("span", "true", entry.answers.true), verdict);
    if (entry.reason) button.append(element("span", "quiet", REASONS[entry.reason] || entry.reason));
    if (entry.attack && !entry.attack.robust) button.append(element("span", "broken", "attack found"));
    button.append(element("span", "quiet",
      `image ${entry.index}, ${counted(entry.votes, "vote", "votes")}`));
    item.append(button);
    return item;
  }

  verdictOf(entry) {
    if (entry.kind === "abstained") return "no certificate";
    const text = entry.verdict.replace(/, (float image|rounded to \d+ bits)$/, "");
    return entry.kind === "wrong" ? `${text}, wrong class` : text;
  }

  /** Paper shows the first cards, whatever is in sight; the screen is as it was afterwards. */
  print() {
    if (!this.printing.matches) {
      this.lay();
      return;
    }
    this.list.style.paddingTop = this.list.style.paddingBottom = "0";
    this.put(0, PRINTED);
  }

  clicked(event) {
    const item = event.target.closest(".card");
    if (!item) return;
    this.choose(item.card);
    this.open();
  }

  pressed(event) {
    const across = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    const place = this.shown.indexOf(this.chosen), last = this.shown.length - 1;
    const to = { ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - across,
      ArrowDown: place + across, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0 || to > last) return;
    this.choose(this.shown[to]);
    this.focus();
  }

  choose(card) {
    this.chosen = card;
    this.reveal();
  }

  /** Scroll as little as is needed to see the chosen card, and lay the cards there. */
  reveal() {
    const { across, pitch } = this.measure();
    const row = Math.floor(this.shown.indexOf(this.chosen) / across);
    const bar = getComputedStyle(this.form).position === "sticky" ? this.form.offsetHeight : 0;
    const top = this.list.getBoundingClientRect().top + row * pitch;
    const excess = Math.max(0, top + pitch - innerHeight) || Math.min(0, top - bar);
    if (excess) scrollBy({ top: excess, behavior: "instant" });
    this.lay();
  }

  focus() {
    if (!this.chosen) return;
    this.reveal();
    this.button().focus({ preventScroll: true });
  }

  move(step) {
    const card = this.shown[this.shown.indexOf(this.chosen) + step];
    if (!card) return;
    this.choose(card);
    this.open();
  }

  open() {
    this.details.show(this.number, this.chosen.place, this.chosen.entry);
  }
}
