// Which platform a request is for: decided by its path and by whose kind of credential it carries. Leaves checking the credential to the platform.
import type { IncomingMessage } from "node:http";
import { scopeService } from "./aws/signature.ts";
import type { Dialect } from "./dialect.ts";
import { ANTHROPIC } from "./dialects/anthropic.ts";
import { AWS_PLATFORM } from "./dialects/aws-platform.ts";
import { BEDROCK } from "./dialects/bedrock.ts";
import { BEDROCK_MESSAGES, MANTLE } from "./dialects/bedrock-messages.ts";
import { FOUNDRY } from "./dialects/foundry.ts";
import { GOOGLE_PLATFORM } from "./dialects/google-platform.ts";
import { GOOGLE_TOKENS, STS_TOKENS } from "./dialects/identity.ts";
import { keysOf } from "./dialects/messages.ts";
import { VERTEX } from "./dialects/vertex.ts";
import { OPENAI } from "./openai/dialect.ts";
import { type Route, routeOf } from "./route.ts";
import type { World } from "./world.ts";

/** A request's platform, and its route when there is something at its path. */
export interface Destination {
	readonly dialect: Dialect;
	readonly route: Route | null;
}

/** Finds the platform. Never throws; a path that nothing answers gets the platform that would refuse it. */
export function destinationOf(world: World, request: IncomingMessage, path: string): Destination {
	const route = routeOf(path, carriesOpenAiKey(world, request) ? "openai" : "other");
	switch (route?.family) {
		case "bedrock":
			return { dialect: BEDROCK, route };
		case "vertex":
			return { dialect: VERTEX, route };
		case "google-platform":
			return { dialect: GOOGLE_PLATFORM, route };
		case "openai":
			return { dialect: OPENAI, route };
		case "sts":
			return { dialect: STS_TOKENS, route };
		case "google-token":
			return { dialect: GOOGLE_TOKENS, route };
		case "messages":
		case undefined:
			return { dialect: messagesPlatform(world, request, route), route };
	}
}

/** Five platforms share the paths of the Messages API. */
function messagesPlatform(world: World, request: IncomingMessage, route: Route | null): Dialect {
	switch (scopeService(request.headers)) {
		case "bedrock":
			return BEDROCK_MESSAGES;
		case "bedrock-mantle":
			return MANTLE;
		case "aws-external-anthropic":
			return AWS_PLATFORM;
	}
	const keys = keysOf(request);
	if (world.apiKeys.some((known) => keys.includes(known.apiKey))) return ANTHROPIC;
	if (world.foundry.some((known) => keys.includes(known.apiKey) || keys.includes(known.entraToken))) return FOUNDRY;
	if (world.aws.all.some((known) => keys.includes(known.platformApiKey))) return AWS_PLATFORM;
	if (world.aws.all.some((known) => keys.includes(known.apiKey)))
		return route?.isMantle === true ? MANTLE : BEDROCK_MESSAGES;
	// Nobody's credential: the refusal comes from whoever lives at such a path.
	if (route?.isMantle === true) return MANTLE;
	if (route?.isBelowAnthropic === true && world.foundry.length > 0) return FOUNDRY;
	if (route?.isBelowAnthropic === true && world.aws.all.length > 0) return BEDROCK_MESSAGES;
	return ANTHROPIC;
}

function carriesOpenAiKey(world: World, request: IncomingMessage): boolean {
	const keys = keysOf(request);
	if (keys.length === 0) return world.openai.some((server) => server.apiKey === null);
	return world.openai.some((server) => server.apiKey !== null && keys.includes(server.apiKey));
}
