// Each job has one slider for all its plots: show the picture of that iteration, at the last stop the final one.
for (const slider of document.querySelectorAll(".slider input")) {
  const iterations = slider.dataset.iterations.split(" ").map(Number);
  const figures = slider.closest("section").querySelectorAll("figure");
  slider.addEventListener("input", () => {
    const stop = Number(slider.value);
    const last = stop === iterations.length - 1;
    slider.parentElement.querySelector("output").textContent = iterations[stop];
    for (const figure of figures) {
      const images = [...figure.querySelectorAll("img")];
      const earlier = images.filter((image) => image.dataset.iteration !== "" && Number(image.dataset.iteration) <= iterations[stop]);
      const shown = last ? images.at(-1) : (earlier.at(-1) ?? images[0]);
      for (const image of images) image.hidden = image !== shown;
    }
  });
}

const enlarged = document.getElementById("enlarged");
for (const image of document.querySelectorAll(".frame img")) {
  image.addEventListener("click", () => {
    enlarged.querySelector("img").src = image.src;
    enlarged.showModal();
  });
}
enlarged.addEventListener("click", () => enlarged.close());
