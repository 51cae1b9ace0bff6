/**
 * The values of a form, without any drawing.
 *
 * A form keeps what was typed, as text (true and false for switches, a list of texts where several are taken). What was not touched is not in it: the
 * job type's default then holds. The same values stand in the address, so that a reload loses nothing and a link can fill a form.
 */

const TRUE_WORDS = ["true", "1", "yes", "on"];

/** Whether a field takes several values. */
export const takesSeveral = (field) => field.kind === "list" || Boolean(field.several);

/** Entries of the query that are no parameters. */
export const RESERVED = ["clone", "workspace", "lane", "show"];

/**
 * Read what a link says of a field.
 * @param {object} field as in /job_types
 * @param {string} text
 */
export function fromText(field, text) {
  if (field.kind === "bool") return TRUE_WORDS.includes(String(text).toLowerCase());
  return takesSeveral(field) ? String(text).split("\n").filter(Boolean) : String(text);
}

/** Write a value for a link, the inverse of `fromText`. */
export const toText = (field, value) => (takesSeveral(field) ? value.join("\n") : String(value));

/** What stands in a field for a value of a job or a default: null is nothing. */
export function fromValue(field, value) {
  if (field.kind === "bool") return Boolean(value);
  if (takesSeveral(field)) return value === null || value === undefined ? [] : [].concat(value).map(String);
  return value === null || value === undefined ? "" : String(value);
}

/** What a field shows: what was typed, or the default. */
export const shownValue = (field, values) => (field.name in values ? values[field.name] : fromValue(field, field.default));

const isSame = (field, a, b) => (takesSeveral(field) ? a.join("\n") === b.join("\n") : a === b || (isNumber(field) && a !== "" && b !== ""
  && Number(a) === Number(b)));

const isNumber = (field) => field.kind === "int" || field.kind === "float";

/** Whether a field says something else than its default. */
export function isChanged(field, values) {
  return field.name in values && !isSame(field, values[field.name], fromValue(field, field.default));
}

function toValue(field, value) {
  if (takesSeveral(field)) return value.filter((each) => each.trim() !== "");
  if (field.kind === "bool") return value;
  const text = value.trim();
  if (text === "") return null;
  // what is no number goes to the server as it is: it says what it wants there
  return isNumber(field) && Number.isFinite(Number(text)) ? Number(text) : text;
}

/**
 * The parameters that the server is sent: what differs from the defaults, or everything where a job is cloned, whose own values would hold else.
 * @param {object[]} fields
 * @param {Record<string, any>} values
 * @param {boolean} isClone
 */
export function toParameters(fields, values, isClone) {
  const parameters = {};
  for (const field of fields) {
    const isGiven = isChanged(field, values);
    if (!isGiven && !isClone) continue;
    const value = isGiven ? toValue(field, values[field.name]) : (field.default ?? null);
    const isMissing = value === null || (Array.isArray(value) && value.length === 0);
    if (isMissing && !(isClone && field.optional)) continue; // a required field that is empty: the server says that it is missing
    parameters[field.name] = value;
  }
  return parameters;
}

/**
 * The values a form begins with: those of the job that is cloned, then those of the link.
 * @param {object[]} fields
 * @param {Record<string, any>|null} parameters of the job that is cloned
 * @param {Record<string, string>} query
 */
export function beginValues(fields, parameters, query) {
  const values = {};
  for (const field of fields) {
    if (parameters && field.name in parameters) {
      const value = fromValue(field, parameters[field.name]);
      if (!isSame(field, value, fromValue(field, field.default))) values[field.name] = value;
    }
    if (field.name in query && !RESERVED.includes(field.name)) values[field.name] = fromText(field, query[field.name]);
  }
  return values;
}

/** What the address says of a form: every field that differs from the defaults, or from the job that is cloned. */
export function toQuery(fields, values, parameters) {
  const base = beginValues(fields, parameters, {});
  const differs = (field) => !isSame(field, shownValue(field, values), shownValue(field, base));
  return Object.fromEntries(fields.filter(differs).map((field) => [field.name, toText(field, shownValue(field, values))]));
}

/** The range a number must lie in, in words: "0 to 180", "more than 0, at most 100". */
export function rangeOf(field) {
  const { minimum, maximum, exclusive_minimum: above, exclusive_maximum: below } = field;
  const has = (value) => value !== null && value !== undefined;
  if (has(minimum) && has(maximum)) return `${minimum} to ${maximum}`;
  const low = has(minimum) ? `at least ${minimum}` : has(above) ? `more than ${above}` : "";
  const high = has(maximum) ? `at most ${maximum}` : has(below) ? `less than ${below}` : "";
  return [low, high].filter(Boolean).join(", ");
}
