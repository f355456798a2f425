// The gateway inside a server of your own, below /llm. Point a client at it: ANTHROPIC_BASE_URL=http://127.0.0.1:8080/llm
//   node examples/embedded.mjs [config.yaml] [port]
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { createHandler } from "warmpath";

const config = process.argv[2] ?? fileURLToPath(new URL("config.yaml", import.meta.url));
const llm = await createHandler(config, { prefix: "/llm", log: "warn" });

const server = createServer((request, response) => {
	if (llm(request, response)) return;
	response.writeHead(200, { "content-type": "text/plain" }).end("The rest of the application.\n");
});
server.listen(Number(process.argv[3] ?? 8080), "127.0.0.1", () => {
	console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", async () => {
	server.close();
	await llm.close();
	server.closeAllConnections();
});
