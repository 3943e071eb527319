// Runs in a folder with @anthropic-ai/sdk: a line with an environment in, one client and one request, a line back.
const { Anthropic } = require(require.resolve("@anthropic-ai/sdk", { paths: [process.cwd()] }));

async function ask(variables) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    await new Anthropic({ maxRetries: 0 }).models.list();
    return { answered: true };
  } catch (error) {
    return { answered: typeof error.status === "number", error: error.constructor.name };
  }
}

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", async (line) => console.log(JSON.stringify(await ask(JSON.parse(line)))));
