/** The calls to the server: JSON in, JSON out, errors as sentences. */

/** What the server refused, in words for people. */
export class ApiError extends Error {
  /**
   * @param {string} message what was wrong and what to do
   * @param {number} status HTTP status; 0 when the server did not answer at all
   * @param {string|null} field the parameter it is about
   */
  constructor(message, status, field = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.field = field;
  }
}

const NO_ANSWER = "The server does not answer. Is `triskelion serve` still running? The page goes on by itself when it does.";
const WRITES = { "X-Triskelion": "1", "Content-Type": "application/json" };

async function call(method, path, body) {
  const options = { method, credentials: "same-origin" };
  if (method !== "GET") {
    options.headers = WRITES;
    options.body = JSON.stringify(body ?? {});
  }
  let answer;
  try {
    answer = await fetch(`/api${path}`, options);
  } catch {
    throw new ApiError(NO_ANSWER, 0);
  }
  const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
  const content = isJson ? await answer.json() : null;
  if (!answer.ok) {
    const sentence = content?.error ?? `The server answered ${answer.status} to ${method} ${path}. Its log says why.`;
    throw new ApiError(sentence, answer.status, content?.field ?? null);
  }
  return content;
}

/**
 * Read something; `path` is what follows /api, as in `get("/session")`.
 * @param {string} path
 * @returns {Promise<any>}
 */
export const get = (path) => call("GET", path);

/** Make or do something. */
export const post = (path, body) => call("POST", path, body);

/** Put something in place of what was there. */
export const put = (path, body) => call("PUT", path, body);

/** Remove something. */
export const remove = (path) => call("DELETE", path);

/**
 * Join the parts of a path, each quoted: `pathOf("p", project, "j", job)`.
 * @param {...string} parts
 */
export const pathOf = (...parts) => parts.map((part) => `/${encodeURIComponent(part)}`).join("");

/**
 * Write a query, without what is null or empty: `?a=1&b=2`, or nothing.
 * @param {Record<string, any>} values
 */
export function queryOf(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}` : "";
}
