/** What `./dev` tells the tests. A missing variable is an error: a test that skips itself shows nothing. */

function required(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run ./dev test --web`);
  }
  return value;
}

/** The address of the API. */
export const apiUrl = required("TIDINGS_TEST_API_URL");
/** The secret of the API's tokens. */
export const jwtSecret = required("TIDINGS_TEST_JWT_SECRET");
/** The tool `tidings`. */
export const toolPath = required("TIDINGS_TEST_TOOL");
/** The database of the API. */
export const databaseUrl = required("TIDINGS_TEST_SHARED_DATABASE_URL");
/** The program of the browser. */
export const browserPath = required("TIDINGS_TEST_BROWSER");
/** Where screenshots are kept. */
export const screenshotFolder = required("TIDINGS_TEST_SCREENSHOTS");
/** The origin of a page of somebody else, which the API allows (CORS_ALLOWED_ORIGINS). */
export const embeddingOrigin = required("TIDINGS_TEST_EMBEDDING_ORIGIN");
