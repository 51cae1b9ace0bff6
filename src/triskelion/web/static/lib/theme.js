/** Light or dark: as the system says, unless the person has chosen; the choice outlives a reload. */
import { signal } from "@preact/signals";

const KEY = "triskelion.theme";

/** "system", "light" or "dark". */
export const theme = signal(document.documentElement.dataset.theme ?? "system");

/**
 * Choose how the page looks, and remember it.
 * @param {"system"|"light"|"dark"} chosen
 */
export function chooseTheme(chosen) {
  theme.value = chosen;
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}
