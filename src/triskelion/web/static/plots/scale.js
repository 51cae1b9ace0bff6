/** Axes in numbers: ticks at round values, linear or logarithmic, and resolutions along an axis of frequencies. */

const ROUND_RESOLUTIONS_A = [200, 100, 70, 50, 40, 30, 25, 20, 17, 15, 12, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.8, 2.6, 2.4, 2.2, 2, 1.8, 1.6, 1.4,
  1.2, 1];
const SMALLEST_GAP = 0.085; // between two labels, as a fraction of the axis

/**
 * A map from values to places on the screen, and back.
 * @param {[number, number]} domain lowest and highest value
 * @param {[number, number]} range where these stand, px
 * @param {boolean} [isLog]
 */
export function makeScale(domain, range, isLog = false) {
  const bend = isLog ? Math.log10 : (value) => value;
  const [low, high] = domain.map(bend);
  const [from, to] = range;
  const scale = (value) => from + ((bend(value) - low) / (high - low || 1)) * (to - from);
  scale.invert = (place) => {
    const bent = low + ((place - from) / (to - from)) * (high - low);
    return isLog ? 10 ** bent : bent;
  };
  return scale;
}

/** Round values between two, about `count` of them. */
export function roundTicks([low, high], count = 5) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((each) => each * power >= raw * 0.999) * power;
  const first = Math.ceil(low / step - 1e-9);
  const ticks = [];
  for (let i = first; i * step <= high + 1e-9 * span; i += 1) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten between two values; with 2 and 5 between them where there are few. */
export function logTicks([low, high]) {
  const decades = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) decades.push(10 ** power);
  const inside = (ticks) => ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return inside(decades).length >= 3 ? inside(decades) : inside(decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]));
}

/** A tick in as few letters as it may have. */
export function tickText(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(0).replace("e+", "e").replace("-", "−");
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

/** Round resolutions whose labels do not run into each other on an axis from 0 to `last` (1/Å). */
export function chooseResolutions(last) {
  const chosen = [];
  for (const resolution of ROUND_RESOLUTIONS_A) {
    const place = 1 / (resolution * last);
    const before = chosen.length ? 1 / (chosen[chosen.length - 1] * last) : 0;
    if (place - before >= SMALLEST_GAP && place <= 1) chosen.push(resolution);
  }
  return chosen;
}

/** Lowest and highest number of lists, with some room; null where there is none. */
export function spanOf(lists, room = 0.05) {
  const values = lists.flat().filter((value) => value !== null && Number.isFinite(value));
  if (!values.length) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = (high - low || Math.abs(high) || 1) * room;
  return [low - margin, high + margin];
}
