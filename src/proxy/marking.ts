// When the gateway marks a prompt for caching: where the configuration or the request says so, or by itself while it pays. Leaves putting
// the markers in to prompt/inject.
import { resolveGroup } from "../config/model-name.ts";
import type { Config, MarkingConfig } from "../config/schema.ts";
import { automaticPoints, injectMarkers, isMarked } from "../prompt/inject.ts";
import type { BodyMembers } from "../prompt/outline.ts";
import { editMembers } from "../protocol/edit.ts";
import { membersNamed } from "../protocol/members.ts";
import { pointsOf } from "../protocol/openai/marking.ts";
import type { Usage } from "../protocol/usage.ts";
import { membersAt } from "../protocol/walk.ts";

/**
 * Share of what goes through the cache that must be read for marking to pay: a write costs a quarter more than input, a read nine tenths
 * less, so 0.25 / (0.25 + 0.9) (routing-model §3).
 */
const BREAK_EVEN = 0.217;
/** Answers of a client before its share means something: a first write can be read by the second request at the earliest. */
const FEWEST_ANSWERS = 20;
/** What is left of the past at each answer. */
const RETAINED = 0.98;
/** Requests left unmarked before it is tried anew. */
const PAUSE = 200;
/** Clients kept; the one not seen for longest goes. */
const MOST_CLIENTS = 10_000;

/** Of whom it is learned whether automatic markers pay: one caller's requests to one group. */
export interface AutomaticMarking {
	/** Whether to mark this client's next request; counts it. */
	pays(client: string): boolean;
	/** The same, without counting. */
	wouldPay(client: string): boolean;
	/** What an automatically marked request read and wrote; null = nothing was reported. */
	learn(client: string, usage: Pick<Usage, "cacheReadTokens" | "cacheWriteTokens"> | null): void;
}

interface Record {
	read: number;
	written: number;
	answers: number;
	/** Requests still to be left unmarked. */
	pause: number;
}

/** Marks everybody until told otherwise. */
export function createAutomaticMarking(): AutomaticMarking {
	const clients = new Map<string, Record>();

	function recordOf(client: string): Record {
		const known = clients.get(client) ?? { read: 0, written: 0, answers: 0, pause: 0 };
		clients.delete(client);
		clients.set(client, known);
		const oldest = clients.keys().next();
		if (clients.size > MOST_CLIENTS && !oldest.done) clients.delete(oldest.value);
		return known;
	}

	return {
		pays(client) {
			const record = recordOf(client);
			if (record.pause === 0) return true;
			record.pause -= 1;
			return false;
		},
		wouldPay: (client) => (clients.get(client)?.pause ?? 0) === 0,
		learn(client, usage) {
			if (usage === null) return;
			const record = recordOf(client);
			record.read = record.read * RETAINED + usage.cacheReadTokens;
			record.written = record.written * RETAINED + usage.cacheWriteTokens;
			record.answers += 1;
			const through = record.read + record.written;
			if (record.answers < FEWEST_ANSWERS || through === 0 || record.read >= through * BREAK_EVEN) return;
			clients.set(client, { read: 0, written: 0, answers: 0, pause: PAUSE });
		},
	};
}

const marks = new WeakMap<Config, boolean>();

/** Whether any deployment asks for markers: only then requests are looked at for them. */
export function marksAnything(config: Config): boolean {
	let any = marks.get(config);
	if (any === undefined) {
		any = config.deployments.some(({ marking }) => marking !== undefined && marking !== null);
		marks.set(config, any);
	}
	return any;
}

/**
 * What is marked in requests for `model`; null = nothing. It is decided before a deployment is chosen, so the first of the group's
 * deployments that says something speaks for all.
 */
export function markingFor(config: Config, model: string): MarkingConfig | null {
	if (!marksAnything(config)) return null;
	const deployments = resolveGroup(config, model)?.group.deployments ?? [];
	return deployments.find(({ marking }) => marking !== undefined && marking !== null)?.marking ?? null;
}

/** What is to be marked, and for whom. */
export interface MarkingAbout {
	readonly members: Pick<BodyMembers, "all">;
	readonly marking: MarkingConfig;
	/** The points were applied in the client's own format. */
	readonly pointsApplied: boolean;
	/** `user-agent`. */
	readonly agent: string;
	/** Whom to ask whether automatic markers pay. */
	readonly client: string;
}

/** A body with its markers. */
export interface Marked {
	readonly body: Buffer;
	/** They are ours alone: what they bring is to be learned. */
	readonly automatic: boolean;
}

/** Claude Code marks what it wants cached; what it leaves unmarked (titles, one-shot subagents) nobody reads again. */
const MARKS_ITSELF = /^claude-(cli|code)\//;

/** Marks one body as its group is configured. */
export function markBody(body: Buffer, about: MarkingAbout, automatic: Pick<AutomaticMarking, "pays">): Marked {
	const { members, marking } = about;
	if (marking.points.length > 0) {
		return { body: about.pointsApplied ? body : injectMarkers(body, members, marking.points), automatic: false };
	}
	const standsDown = !marking.auto || MARKS_ITSELF.test(about.agent) || isMarked(body, members);
	if (standsDown || !automatic.pays(about.client)) return { body, automatic: false };
	return { body: injectMarkers(body, members, automaticPoints(marking.ttl)), automatic: true };
}

const OWN_POINTS = "cache_control_injection_points";

/** Whether a body itself says what is to be marked: then it does instead of the configuration, as in LiteLLM. */
export function hasOwnPoints(body: Buffer, members: Pick<BodyMembers, "all">): boolean {
	return membersNamed(body, members, OWN_POINTS).length > 0;
}

/**
 * A body that itself says what is to be marked, as LiteLLM's clients may: marked so, and without the member, which no provider knows. null =
 * it does not.
 */
export function bodyOfOwnPoints(body: Buffer, members: Pick<BodyMembers, "all">): Buffer | null {
	const own = membersNamed(body, members, OWN_POINTS);
	const [last] = own.slice(-1);
	if (last === undefined) return null;
	const points = pointsOf({ [OWN_POINTS]: JSON.parse(body.toString("utf8", last.start, last.end)) });
	const stripped = editMembers(body, { remove: own });
	const all = membersAt(stripped, stripped.indexOf("{")).flatMap(({ keyStart, start, end }) => [keyStart, start, end]);
	return injectMarkers(stripped, { all }, points);
}
