// The picture of one of the best networks, on the scale of all of them.

VIEWS.stairs = class {
  constructor(box) {
    Object.assign(this, { box, row: Number(box.dataset.row), hears: [] });
  }

  draw(model) {
    const scale = stairsScale(model.data.best.map((row) => stairsOf(model, row)).filter((steps) => steps.length));
    this.box.replaceChildren(stairsPicture(stairsOf(model, this.row), scale, model.spaces[model.space[this.row]].colour));
  }
};
