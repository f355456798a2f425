// An answer as it comes, in both APIs; what fails tells where and why.
//   node examples/streaming.mjs [config.yaml]
import { fileURLToPath } from "node:url";
import { CallError, Router } from "warmpath";

const config = process.argv[2] ?? fileURLToPath(new URL("config.yaml", import.meta.url));
const router = await Router.open(config);
const messages = [{ role: "user", content: "Tell me about caches." }];

const events = await router.messages({ model: "claude", max_tokens: 500, messages, stream: true });
for await (const event of events) {
	if (event.type === "content_block_delta" && event.delta.type === "text_delta") process.stdout.write(event.delta.text);
}
console.log(`\n… from ${events.warmpath.model_id}`);

const chunks = await router.chatCompletions({ model: "claude", messages, stream: true });
for await (const chunk of chunks) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
console.log(`\n… from ${chunks.warmpath.model_id}`);

try {
	await router.messages({ model: "no-such-model", max_tokens: 500, messages });
} catch (error) {
	if (!(error instanceof CallError)) throw error;
	console.log(`${error.name} ${error.status} ${error.code}: ${error.message}`);
}

await router.close();
