/* Wide pictures and the chart of estimators scroll in a box of their own on a telephone, where they would else be
   too small to read. */
function giveRoom(img) {
  if (img.naturalWidth < 640) return; // a drawing in the page has no such width
  const box = document.createElement("div");
  box.className = "wide-picture";
  img.replaceWith(box);
  box.append(img);
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("svg.which-chart").forEach(giveRoom);
  for (const img of document.querySelectorAll(".bd-article img")) {
    if (img.closest(".sd-card, .sphx-glr-thumbcontainer, a")) continue;
    if (img.complete) giveRoom(img);
    else img.addEventListener("load", () => giveRoom(img), { once: true });
  }
});
