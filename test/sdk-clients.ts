// The official clients of the Messages API and of the clouds, all pointed at one gateway. Leaves what they are asked to the tests.
import { AnthropicBedrock } from "@anthropic-ai/bedrock-sdk";
import AnthropicFoundry from "@anthropic-ai/foundry-sdk";
import Anthropic from "@anthropic-ai/sdk";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import { BedrockRuntimeClient } from "@aws-sdk/client-bedrock-runtime";
import { MASTER_KEY } from "./harness.ts";

/** One client of each kind, all with the gateway's key. None repeats a failed request by itself. */
export function sdkClients(url: string) {
	const common = { apiKey: MASTER_KEY, maxRetries: 0 };
	return {
		plain: new Anthropic({ baseURL: url, ...common }),
		bedrock: new AnthropicBedrock({ baseURL: `${url}/bedrock`, awsRegion: "us-east-1", ...common }),
		vertex: vertexClient(`${url}/vertex/v1`, MASTER_KEY),
		foundry: new AnthropicFoundry({ baseURL: `${url}/anthropic/`, ...common }),
		aws: awsClient(url, MASTER_KEY),
	};
}

/** AWS's own client with a Bedrock API key in place of a signature. */
export function awsClient(endpoint: string, token: string): BedrockRuntimeClient {
	return new BedrockRuntimeClient({
		endpoint,
		region: "us-east-1",
		token: { token },
		authSchemePreference: ["httpBearerAuth"],
		maxAttempts: 1,
	});
}

function vertexClient(baseURL: string, key: string): AnthropicVertex {
	const authClient = {
		projectId: "any-project",
		getRequestHeaders: async () => new Headers({ authorization: `Bearer ${key}` }),
	};
	return new AnthropicVertex({
		baseURL,
		region: "us-east5",
		projectId: "any-project",
		// Google's own client would fetch a token; this is all that the SDK uses of it.
		authClient: authClient as unknown as NonNullable<ConstructorParameters<typeof AnthropicVertex>[0]>["authClient"],
		maxRetries: 0,
	});
}
