// Every policy by its name. Leaves what each does to its file.
import type { PolicyFactory } from "../policy.ts";
import { createLitellmExact, createLitellmWalkback } from "./litellm.ts";
import { createLeastBusy, createRandomPolicy, createRoundRobin, createSingle } from "./plain.ts";
import { createSessionAffinity, createSessionHash } from "./session.ts";
import { createWarmpath } from "./warmpath.ts";

/** In the order in which they are shown. */
export const POLICIES = {
	single: createSingle,
	warmpath: createWarmpath,
	"session-hash": createSessionHash,
	"session-affinity": createSessionAffinity,
	"litellm-walkback": createLitellmWalkback,
	"litellm-exact": createLitellmExact,
	"least-busy": createLeastBusy,
	"round-robin": createRoundRobin,
	random: createRandomPolicy,
} as const satisfies Record<string, PolicyFactory>;

export type PolicyName = keyof typeof POLICIES;

/** Policies whose gateways talk to each other. Of any other a shared table is one table that all of them use. */
export const REPLICATED: ReadonlySet<PolicyName> = new Set<PolicyName>(["warmpath"]);

export const POLICY_NAMES = Object.keys(POLICIES) as readonly PolicyName[];
