import { describe, expect, test } from "vitest";
import { routeOf } from "./routes.ts";

/** What a path asks for, in short. */
function asks(path: string): unknown {
	const route = routeOf(path);
	if (route === null) return null;
	if (route.kind === "model") return [route.kind, route.model];
	if (route.kind !== "call") return [route.kind, route.format.name];
	const { operation, given } = route.target;
	return [route.format.name, operation, given?.model, given?.stream];
}

describe("paths of the client formats", () => {
	test.each([
		["/v1/messages", ["anthropic", "messages", undefined, undefined]],
		["/team-a/anthropic/v1/messages", ["anthropic", "messages", undefined, undefined]],
		["/v1/messages/count_tokens", ["anthropic", "count_tokens", undefined, undefined]],
		["/v1/models", ["models", "anthropic"]],
		["/route/explain", ["explain", "anthropic"]],
		["/inference-profiles", ["profiles", "bedrock"]],
		["/bedrock/inference-profiles", ["profiles", "bedrock"]],
		// A base URL with or without /v1, with a slash at its end, or with a whole address in it.
		["/messages", ["anthropic", "messages", undefined, undefined]],
		["/anthropic/messages", ["anthropic", "messages", undefined, undefined]],
		["/v1/v1/messages", ["anthropic", "messages", undefined, undefined]],
		["/v1/messages/v1/messages", ["anthropic", "messages", undefined, undefined]],
		["//v1//messages", ["anthropic", "messages", undefined, undefined]],
		["/v1/messages/", ["anthropic", "messages", undefined, undefined]],
		["/messages/count_tokens//", ["anthropic", "count_tokens", undefined, undefined]],
		[
			"/v1alpha/projects/p/locations/l/workspaces/w/invoke/v1/messages",
			["anthropic", "messages", undefined, undefined],
		],
		["/chat/completions/", ["openai-chat", "messages", undefined, undefined]],
		["/responses", ["openai-responses", "messages", undefined, undefined]],
		["/openai/v1/responses", ["openai-responses", "messages", undefined, undefined]],
		["/openai/embeddings", ["openai-chat", "passthrough", undefined, undefined]],
		["/models", ["models", "anthropic"]],
		["/openai/v1/models/", ["models", "anthropic"]],
		["/v1/models/claude-opus-5-5", ["model", "claude-opus-5-5"]],
		["/models/anthropic/claude-x", ["model", "anthropic/claude-x"]],
		["/team/v1/models/us.anthropic.claude-x-v1%3A0/", ["model", "us.anthropic.claude-x-v1:0"]],
		["/v1/models/größe%20100%25", ["model", "größe 100%"]],
		// Azure's addresses name the model.
		["/openai/deployments/claude-code/chat/completions", ["openai-chat", "messages", "claude-code", undefined]],
		["/openai/deployments/team%2Fx/embeddings", ["openai-chat", "passthrough", "team/x", undefined]],
		["/engines/a/b/chat/completions", ["openai-chat", "messages", "a/b", undefined]],
	])("%s", (path, expected) => {
		expect(asks(path)).toEqual(expected);
	});

	test.each([
		["/model/claude/invoke", ["bedrock", "messages", "claude", false]],
		[
			"/bedrock/model/us.anthropic.claude-opus-5-5/invoke-with-response-stream",
			["bedrock", "messages", "us.anthropic.claude-opus-5-5", true],
		],
		[
			"/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens",
			["bedrock", "count_tokens", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", false],
		],
		[
			"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-opus-5-5/invoke",
			[
				"bedrock",
				"messages",
				"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5",
				false,
			],
		],
		[
			"/model/arn:aws:bedrock:us-east-1:1:inference-profile/x/invoke",
			["bedrock", "messages", "arn:aws:bedrock:us-east-1:1:inference-profile/x", false],
		],
		["/model/100%/invoke", ["bedrock", "messages", "100%", false]],
		["//bedrock//model/qwen3:30b/invoke/", ["bedrock", "messages", "qwen3:30b", false]],
		["/model/invoke/invoke", ["bedrock", "messages", "invoke", false]],
		[
			"/model/arn:aws-us-gov:bedrock:us-gov-west-1:1:application-inference-profile/a1/invoke-with-response-stream",
			["bedrock", "messages", "arn:aws-us-gov:bedrock:us-gov-west-1:1:application-inference-profile/a1", true],
		],
	])("Bedrock's ids are decoded: %s", (path, expected) => {
		expect(asks(path)).toEqual(expected);
	});

	test.each([
		[
			"/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-5-5:streamRawPredict",
			["vertex", "messages", "claude-opus-5-5", true],
		],
		[
			"/vertex/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
			["vertex", "messages", "claude-sonnet-4-5@20250929", false],
		],
		[
			"/projects/any/locations/where/publishers/anthropic/models/claude-x%4020250929:rawPredict",
			["vertex", "messages", "claude-x@20250929", false],
		],
		[
			"/vertex/v1/projects/p/locations/eu/publishers/anthropic/models/count-tokens:rawPredict",
			["vertex", "count_tokens", undefined, false],
		],
		[
			"/v1/projects/p/locations/l/publishers/anthropic/models/us.anthropic.claude-x-v1:0:streamRawPredict",
			["vertex", "messages", "us.anthropic.claude-x-v1:0", true],
		],
		["/publishers/anthropic/models/team/claude:rawPredict", ["vertex", "messages", "team/claude", false]],
		["/publishers/anthropic/models/a%2Fb%3Ac:rawPredict", ["vertex", "messages", "a/b:c", false]],
		["/publishers/anthropic/models/x:rawPredict:rawPredict/", ["vertex", "messages", "x:rawPredict", false]],
	])("Vertex in any project and location: %s", (path, expected) => {
		expect(asks(path)).toEqual(expected);
	});

	test.each([
		"/",
		"/v2/messages",
		"/v1beta/messages",
		"/v1/messages/batches",
		"/messages/other",
		"/ui/models",
		"/elsewhere/messages",
		"/api/responses",
		"/v1/models-of-ours",
		"/openai/deployments/x/models",
		"/publishers/anthropic/models/:rawPredict",
		"/model/claude",
		"/model//invoke",
		"/model/claude/converse",
		"/model/info",
		"/v1/projects/p/locations/l/publishers/google/models/gemini:rawPredict",
		"/v1/projects/p/locations/l/publishers/anthropic/models/claude:predict",
	])("%s is not the data plane's", (path) => {
		expect(routeOf(path)).toBeNull();
	});
});
