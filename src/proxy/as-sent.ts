// A body of the Messages API read as it would be sent, for those who only ask about it: marked for caching where its group is, and without
// what is meant for the gateway. Counts nothing and learns nothing; the request itself does the same in proxy/handler.
import type { Config } from "../config/schema.ts";
import { head, type Outline, outline, type PromptHasher } from "../prompt/outline.ts";
import type { Caller } from "./admission/authenticate.ts";
import {
	type AutomaticMarking,
	bodyOfOwnPoints,
	hasOwnPoints,
	markBody,
	markingFor,
	marksAnything,
} from "./marking.ts";
import { routedName } from "./platform-models.ts";

interface Parts {
	readonly config: Config;
	readonly hasher: PromptHasher;
	readonly automaticMarking: AutomaticMarking;
}

/** Who would send it. */
export interface WouldBeSender {
	readonly caller: Caller;
	/** `user-agent`. */
	readonly agent: string;
}

/** Throws what the body would be refused with. */
export function outlineAsSent(
	body: Buffer,
	sender: WouldBeSender,
	{ config, hasher, automaticMarking }: Parts,
): Outline {
	const options = { hasher, maxDepth: config.limits.maxJsonDepth };
	const marked = markedAsSent(body, sender, { config, hasher, automaticMarking });
	const read = outline(marked, options);
	const ofOwnPoints = bodyOfOwnPoints(marked, read.members);
	const sent = ofOwnPoints === null ? read : outline(ofOwnPoints, options);
	const model = routedName(config, sent.model, null);
	return model === sent.model ? sent : { ...sent, model };
}

function markedAsSent(
	body: Buffer,
	{ caller, agent }: WouldBeSender,
	{ config, hasher, automaticMarking }: Parts,
): Buffer {
	// What goes to the client's own account goes as the client marked it.
	if (caller.credential !== null || !marksAnything(config)) return body;
	const { model: asked, members } = head(body, { hasher, maxDepth: config.limits.maxJsonDepth });
	const model = routedName(config, asked, null);
	const marking = markingFor(config, model);
	if (marking === null || hasOwnPoints(body, members)) return body;
	const client = `${caller.id}\n${model}`;
	const asking = { pays: (each: string) => automaticMarking.wouldPay(each) };
	return markBody(body, { members, marking, pointsApplied: false, agent, client }, asking).body;
}
