/** Figures in words: units come from the names, as in the reports. */

const UNITS = { A2: "Å²", A3: "Å³", A: "Å", px: "px", deg: "°", rad: "rad", s: "s", MB: "MB", GB: "GB", mm: "mm", kV: "kV", percent: "%" };
const WORDS = {
  resolution_A: "resolution",
  b_factor_A2: "B-factor",
  n_particles: "particles",
  n_dropped: "dropped",
  cpu_s: "CPU time",
  wall_s: "wall time",
  peak_rss_MB: "peak memory",
};
/** Figures that matter most, in this order. */
export const HEADLINE = ["resolution_A", "b_factor_A2", "n_particles", "iterations"];
/** What a job cost: shown last. */
export const COST = ["wall_s", "cpu_s", "peak_rss_MB", "threads"];

const unitOf = (name) => {
  const unit = name.slice(name.lastIndexOf("_") + 1);
  return name.includes("_") && unit in UNITS ? unit : null;
};

/** What people call a figure: `median_error_deg` is "median error". */
export function nameFigure(name) {
  if (name in WORDS) return WORDS[name];
  const unit = unitOf(name);
  return (unit ? name.slice(0, -unit.length - 1) : name).replace(/^n_/, "").replaceAll("_", " ");
}

/** Three significant digits, thousands by groups: 4.12, 1,500, 0.00123. */
export function formatNumber(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return "∞";
  if (Number.isInteger(value)) return value.toLocaleString("en-GB");
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-GB");
  if (size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

function formatPlain(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return formatNumber(value);
  if (Array.isArray(value)) return value.map(formatPlain).join(", ");
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A figure with its unit: 4.123 of `resolution_A` is "4.12 Å", 70.2 of `wall_s` is "1 min 10 s". */
export function formatFigure(name, value) {
  const unit = unitOf(name);
  if (value === null || value === undefined) return "–";
  if (unit === "s" && typeof value === "number") return formatDuration(value);
  if (/share/.test(name) && typeof value === "number") return `${formatNumber(100 * value)} %`;
  if (/resolution_A$/.test(name) && typeof value === "number") return formatResolution(value);
  const text = formatPlain(value);
  if (!unit || text === "–") return text;
  return unit === "deg" ? `${text}°` : `${text} ${UNITS[unit]}`;
}

/** A resolution with the digits that mean something: 3.58 Å, 7.9 Å. */
export const formatResolution = (value) => (value < 5 ? `${value.toFixed(2)} Å` : `${value.toFixed(1)} Å`);

/** Seconds as people say them. */
export function formatDuration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) - 60 * minutes} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Bytes as people say them. */
export function formatBytes(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  if (bytes < 1000) return `${bytes} B`;
  const step = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/**
 * When something was, as short as it may be: the time today, the day else.
 * @param {number} time seconds since 1970
 */
export function formatTime(time) {
  if (!time) return "–";
  const date = new Date(1000 * time);
  const isToday = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return isToday ? clock : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clock}`;
}

/** A value of a parameter as one would type it. */
export function formatValue(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "boolean") return value ? "on" : "off";
  return String(value);
}

/** How long a job has run, or ran; null for one that never began. */
export function wallSeconds(card, now) {
  if (!card.started) return null;
  return (card.ended ?? now) - card.started;
}

/** What people call a job type: `local_refinement` is "Local refinement". */
export function nameType(type) {
  const words = type.split("_").map((word) => NAMES[word] ?? word).join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const NAMES = { empiar: "EMPIAR", relion: "RELION", cryosparc: "CryoSPARC", nonuniform: "non-uniform" };
