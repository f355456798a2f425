// The body that Bedrock's InvokeModel wants, by bytes: no model, no stream, version and betas inside. Leaves what it refuses to
// providers/platform-rules.
import { type BodyChange, editMembers } from "../protocol/edit.ts";
import { membersNamed } from "../protocol/members.ts";
import { textAt } from "./messages-body.ts";
import type { PlatformFit } from "./platform-rules.ts";
import type { Call } from "./provider.ts";

const VERSION = "bedrock-2023-05-31";
/** The Messages API's first version, which Bedrock calls by its own name. */
const FIRST_VERSION = "2023-06-01";

/** Body of InvokeModel and InvokeModelWithResponseStream (providers §4). */
export function invokeBody(call: Call, fit: Pick<PlatformFit, "betas" | "remove" | "replace">): Buffer {
	return editMembers(call.body, invokeChange(call, fit));
}

/** CountTokens takes the body of InvokeModel, which must say how long the answer may be. */
export function countBody(call: Call, fit: Pick<PlatformFit, "betas" | "remove" | "replace">): Buffer {
	const change = invokeChange(call, fit);
	const insert = [...(change.insert ?? [])];
	if (membersNamed(call.body, call.members, "max_tokens").length === 0) {
		insert.push({ name: "max_tokens", value: String(leastMaxTokens(call)) });
	}
	const body = editMembers(call.body, { ...change, insert }).toString("base64");
	return Buffer.from(`{"input":{"invokeModel":{"body":"${body}"}}}`);
}

function invokeChange(call: Call, fit: Pick<PlatformFit, "betas" | "remove" | "replace">): BodyChange {
	const { members, body } = call;
	const remove = [...fit.remove];
	const replace: NonNullable<BodyChange["replace"]>[number][] = [...fit.replace];
	const insert: NonNullable<BodyChange["insert"]>[number][] = [];
	for (const member of [members.model, members.stream]) if (member !== null) remove.push(member);
	if (members.anthropicVersion === null) {
		insert.push({ name: "anthropic_version", value: JSON.stringify(versionOfHeaders(call.headers)) });
	} else if (textAt(body, members.anthropicVersion).startsWith("vertex-")) {
		replace.push({ member: members.anthropicVersion, value: JSON.stringify(VERSION) });
	}
	const betas = JSON.stringify(fit.betas);
	if (members.anthropicBeta === null) {
		if (fit.betas.length > 0) insert.push({ name: "anthropic_beta", value: betas });
	} else if (fit.betas.length === 0) remove.push(members.anthropicBeta);
	else if (!saysTheSame(call, fit.betas)) replace.push({ member: members.anthropicBeta, value: betas });
	return { remove, replace, insert };
}

/** Whether the body's own list is what is to be sent: then it stays as the client wrote it. */
function saysTheSame({ body, members: { anthropicBeta } }: Call, betas: readonly string[]): boolean {
	if (anthropicBeta === null) return false;
	const written: unknown = JSON.parse(body.toString("utf8", anthropicBeta.start, anthropicBeta.end));
	return JSON.stringify(written) === JSON.stringify(betas);
}

/** Later versions have one name everywhere (providers §3, §4). */
function versionOfHeaders(headers: readonly string[]): string {
	for (let at = 0; at + 1 < headers.length; at += 2) {
		if ((headers[at] as string).toLowerCase() !== "anthropic-version") continue;
		const version = headers[at + 1] as string;
		return version === FIRST_VERSION ? VERSION : version;
	}
	return VERSION;
}

/** More than the thinking budget, which must be below it. */
function leastMaxTokens({ body, members }: Call): number {
	const [thinking] = membersNamed(body, members, "thinking");
	if (thinking === undefined) return 1;
	const budget = /"budget_tokens"\s*:\s*(\d{1,9})/.exec(body.toString("utf8", thinking.start, thinking.end))?.[1];
	return budget === undefined ? 1 : Number(budget) + 1;
}
