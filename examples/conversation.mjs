// A conversation over several deployments: each turn goes where the ones before it are cached.
//   node examples/conversation.mjs [config.yaml]
import { fileURLToPath } from "node:url";
import { Router } from "warmpath";

const config = process.argv[2] ?? fileURLToPath(new URL("config.yaml", import.meta.url));
const router = await Router.open(config);

const system = "You know this code base by heart. ".repeat(400);
const messages = [];
for (const question of ["What does main.py do?", "Which functions has it?", "Which of them is tested?"]) {
	messages.push({ role: "user", content: [{ type: "text", text: question, cache_control: { type: "ephemeral" } }] });
	const answer = await router.messages({ model: "claude", max_tokens: 500, system, messages });
	const { model_id, reason, predicted_cached_tokens } = answer.warmpath;
	console.log(
		`${model_id} (${reason}): ${predicted_cached_tokens} tokens foretold, ${answer.usage.cache_read_input_tokens} read from cache`,
	);
	messages.push({ role: "assistant", content: answer.content });
	// Only the last turn is marked: what stands before it is found by its prefix.
	for (const block of messages.at(-2).content) delete block.cache_control;
}

await router.close();
