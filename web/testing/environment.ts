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
/** The key of stored secrets. */
export const secretsKey = required("TIDINGS_TEST_SECRETS_KEY");
/** The folder of the programs. */
export const binFolder = required("TIDINGS_TEST_BIN_DIR");
/** The tool `tidings`. */
export const toolPath = `${binFolder}/tidings`;
/** A database of the server, for an administrator. */
export const adminDatabaseUrl = required("TIDINGS_TEST_DATABASE_URL");
/** RabbitMQ, for an administrator. */
export const rabbitmqUrl = required("TIDINGS_TEST_RABBITMQ_URL");
/** RabbitMQ's management plugin, for an administrator. */
export const managementUrl = required("TIDINGS_TEST_MANAGEMENT_URL");
/** The database of the API. */
export const databaseUrl = required("TIDINGS_TEST_SHARED_DATABASE_URL");
/** The program of the browser. */
export const browserPath = required("TIDINGS_TEST_BROWSER");
/** Where screenshots are kept. */
export const screenshotFolder = required("TIDINGS_TEST_SCREENSHOTS");
/** The origin of a page of somebody else, which the API allows (CORS_ALLOWED_ORIGINS). */
export const embeddingOrigin = required("TIDINGS_TEST_EMBEDDING_ORIGIN");
