// Runs before anything is painted, so that a page that is dark by choice does not flash white; lib/theme.js does the rest.
try {
  const chosen = localStorage.getItem("triskelion.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden: then the page looks as the system does.
}
