/** The dialog with everything about one image, and its slider through the attack. */
class Details {
  constructor(neighbour) {
    this.neighbour = neighbour;
    this.dialog = document.getElementById("details");
    this.part = (name) => document.getElementById(name);
    this.part("close").addEventListener("click", () => this.dialog.close());
    this.part("earlier").addEventListener("click", () => this.neighbour(-1));
    this.part("later").addEventListener("click", () => this.neighbour(1));
    this.part("frame").addEventListener("input", () => this.showFrame());
    this.part("route").addEventListener("change", () => this.showRoute());
    this.dialog.addEventListener("keydown", (event) => this.pressed(event));
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  pressed(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || ["frame", "route"].includes(event.target.id)) return;
    event.preventDefault();
    this.neighbour(step);
  }

  show(number, place, entry) {
    const run = data.runs[number];
    this.part("details-title").textContent = `Image ${entry.index}: ${entry.answers.true}`;
    this.part("details-verdict").textContent = entry.verdict;
    this.part("details-sign").dataset.kind = entry.kind;
    this.part("details-why").replaceChildren(...entry.why.map((text) => element("p", "", text)));
    this.showFacts(entry);
    this.showCounts(entry.answers.counts);
    this.showCentres(entry, run.centres);
    this.routes = run.paths[entry.index] || [];
    this.thumbnail = thumbnailOf(number, place);
    this.showPicture();
    if (!this.dialog.open) this.dialog.showModal();
  }

  showFacts(entry) {
    const facts = [
      ["true class", entry.answers.true],
      ["f without noise", entry.answers.clean],
      ["g", entry.answers.smoothed],
      ["votes", entry.votes.toLocaleString("en")],
      ["time", `${entry.seconds.toLocaleString("en")} s`],
    ];
    const attack = entry.attack;
    if (attack) {
      const held = attack.robust ? "g keeps the true class" : `g: ${attack.answer}`;
      facts.push(["worst attack found", `${attack.at}: ${held}`]);
    }
    const list = this.part("details-facts");
    list.replaceChildren(...facts.map(([name, value]) => {
      const pair = element("div");
      pair.append(element("dt", "", name), element("dd", "", value));
      return pair;
    }));
  }

  showCounts(counts) {
    const most = Math.max(1, ...counts.map(([, votes]) => votes));
    this.part("details-counts").replaceChildren(...counts.map(([name, votes]) => {
      const line = element("div", "count");
      const bar = element("span", "count-bar");
      bar.style.width = `${(100 * votes) / most}%`;
      const track = element("span", "count-track");
      track.append(bar);
      line.append(element("span", "count-name", name), track,
        element("span", "count-votes", votes.toLocaleString("en")));
      return line;
    }));
  }

  showCentres(entry, note) {
    const rows = entry.centres.map((centre) => {
      const row = element("tr");
      const share = centre.trials ? `${((100 * centre.successes) / centre.trials).toFixed(1)}%` : "–";
      row.append(...[centre.at, centre.needs,
        `${centre.successes.toLocaleString("en")} of ${centre.trials.toLocaleString("en")}`,
        share, centre.verdict].map((text) => element("td", "", text)));
      return row;
    });
    this.part("centres").tBodies[0].replaceChildren(...rows);
    this.part("centres").hidden = this.part("centres-title").hidden = !rows.length;
    const hidden = entry.of_centres - rows.length;
    const least = `These ${rows.length} of ${entry.of_centres} centres have least to spare.`;
    this.part("centres-note").textContent =
      [hidden > 0 ? least : "", rows.length ? note : ""].join(" ").trim();
  }

  showPicture() {
    const slider = this.part("slider"), choice = this.part("route");
    slider.hidden = !this.routes.length;
    this.part("picture").hidden = !this.routes.length && !this.thumbnail;
    if (this.routes.length) {
      choice.replaceChildren(...this.routes.map((route, place) => {
        const option = element("option", "", route.name);
        option.value = place;
        return option;
      }));
      this.part("route-label").hidden = this.routes.length < 2;
      this.showRoute();
    } else if (this.thumbnail) {
      this.part("picture").setAttribute("aria-label", "the image");
      showPart(this.part("picture"), this.thumbnail, this.side());
    }
  }

  side() {
    return Math.min(288, window.innerWidth - 64);
  }

  showRoute() {
    const route = this.routes[this.part("route").value || 0];
    const frame = this.part("frame");
    frame.max = route.frames.length - 1;
    frame.value = route.start;
    this.part("cover").replaceChildren(...route.frames.map(
      (one) => element("span", one.inside ? "inside" : "outside")));
    this.showFrame();
  }

  showFrame() {
    const route = this.routes[this.part("route").value || 0];
    const place = Number(this.part("frame").value), frame = route.frames[place];
    const told = frame.inside ? "inside what is certified" : "outside of what is certified";
    showPart(this.part("picture"), {
      name: route.picture, width: route.width, height: route.height,
      columns: route.frames.length, rows: 1, place,
    }, this.side());
    this.part("picture").setAttribute("aria-label", `the image under attack: ${frame.at}`);
    this.part("frame").setAttribute("aria-valuetext", `${frame.at}, ${told}`);
    const output = this.part("frame-text");
    output.replaceChildren(element("strong", "", frame.at),
      element("span", frame.inside ? "inside" : "outside", told));
  }
}
