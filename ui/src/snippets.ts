// What to copy to connect each kind of client: this gateway's address, a model, a key. Pure text.

interface Place {
	/** Origin of this gateway, without a slash at the end. */
	readonly origin: string;
	readonly model: string;
	/** What stands for the key. */
	readonly key: string;
}

export interface Snippet {
	readonly id: string;
	readonly title: string;
	readonly about: string;
	readonly text: (place: Place) => string;
	/** For whom the model must be what a platform calls it. */
	readonly note?: string;
}

export const SNIPPETS: readonly Snippet[] = [
	{
		id: "claude-code",
		title: "Claude Code",
		about:
			"The Messages format: what Claude Code speaks when nothing else is set. Sessions and subagents are recognised without any setting.",
		text: ({ origin, model, key }) => `export ANTHROPIC_BASE_URL="${origin}"
export ANTHROPIC_AUTH_TOKEN="${key}"
export ANTHROPIC_MODEL="${model}"
claude`,
	},
	{
		id: "claude-code-bedrock",
		title: "Claude Code, Bedrock format",
		about: "For machines that are set up for Bedrock already. The same conversation has the same home in every format.",
		text: ({ origin, model, key }) => `export CLAUDE_CODE_USE_BEDROCK=1 AWS_REGION=us-west-2
export ANTHROPIC_BEDROCK_BASE_URL="${origin}/bedrock"
export AWS_BEARER_TOKEN_BEDROCK="${key}"
export ANTHROPIC_MODEL="${model}"
claude`,
	},
	{
		id: "claude-code-vertex",
		title: "Claude Code, Vertex format",
		about: "For machines that are set up for Vertex AI already. Project and location in its path are not looked at.",
		text: ({ origin, model, key }) => `export CLAUDE_CODE_USE_VERTEX=1 CLAUDE_CODE_SKIP_VERTEX_AUTH=1
export ANTHROPIC_VERTEX_BASE_URL="${origin}/vertex/v1"
export CLOUD_ML_REGION=global ANTHROPIC_VERTEX_PROJECT_ID=any
export ANTHROPIC_CUSTOM_HEADERS="x-api-key: ${key}"
export ANTHROPIC_MODEL="${model}"
claude`,
	},
	{
		id: "anthropic-python",
		title: "Anthropic SDK, Python",
		about: "Mark what is to be cached with cache_control, or let the gateway mark it (cache_control_injection_points).",
		text: ({ origin, model, key }) => `from anthropic import Anthropic

client = Anthropic(base_url="${origin}", api_key="${key}")
message = client.messages.create(
    model="${model}",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello"}],
)
print(message.usage)`,
	},
	{
		id: "anthropic-typescript",
		title: "Anthropic SDK, TypeScript",
		about: "The same for Node.js.",
		text: ({ origin, model, key }) => `import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "${origin}", apiKey: "${key}" });
const message = await client.messages.create({
  model: "${model}",
  max_tokens: 1024,
  messages: [{ role: "user", content: "Hello" }],
});
console.log(message.usage);`,
	},
	{
		id: "openai",
		title: "OpenAI SDK",
		about: "Chat Completions and Responses onto the same deployments.",
		text: ({ origin, model, key }) => `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.usage)`,
	},
	{
		id: "curl",
		title: "curl",
		about: "The smallest check that it works.",
		text: ({ origin, model, key }) => `curl ${origin}/v1/messages \\
  -H "x-api-key: ${key}" \\
  -H "anthropic-version: 2023-06-01" \\
  -H "content-type: application/json" \\
  -d '{"model": "${model}", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}'`,
	},
	{
		id: "litellm",
		title: "Coming from LiteLLM",
		about:
			"Your config.yaml is the file format here too. Clients keep their settings; only the address changes. Keys are made with the same endpoints.",
		text: ({ origin, key }) => `warmpath check config.yaml     # every fault with its line; opens no connection
warmpath --config config.yaml

# clients: as at LiteLLM
export ANTHROPIC_BASE_URL="${origin}"
export ANTHROPIC_AUTH_TOKEN="${key}"`,
	},
];
