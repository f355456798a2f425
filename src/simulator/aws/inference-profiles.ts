// Which Regions a Bedrock model id may be served in, and what the platform says about ids it does not take. Leaves choosing a Region to aws/accounts.ts.
import { ApiError, invalid } from "../api-error.ts";
import { findModel, MODELS } from "../model-table.ts";

/** Regions behind a cross-Region profile, by the prefix of its id. */
const PROFILE_REGIONS: Readonly<Record<string, readonly string[]>> = {
	us: ["us-east-1", "us-east-2", "us-west-2"],
	eu: ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"],
	jp: ["ap-northeast-1", "ap-northeast-3"],
	au: ["ap-southeast-2", "ap-southeast-4"],
	apac: ["ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2"],
	global: ["us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "ap-northeast-1", "ap-southeast-2"],
};

/** Where a model id leads. */
export interface ModelTarget {
	/** The id that names the model: an application profile's model, or the id itself. */
	readonly modelId: string;
	/** Prefix of the cross-Region profile, null for a model of one Region. */
	readonly profile: string | null;
	/** Regions that may serve it; the source Region alone for a model of one Region. */
	readonly regions: readonly string[];
}

/** What an account adds to the platform's own profiles. */
export interface ProfileNames {
	/** Application inference profile id → the id or profile it stands for. */
	readonly application: Readonly<Record<string, string>>;
	/** Regions in place of the platform's, by profile prefix. */
	readonly regions: Readonly<Record<string, readonly string[]>>;
}

/**
 * Resolves a model id, profile id or ARN as asked for in `region`. Throws the platform's 400 or 404 for ids that it does not
 * know, for profiles of another geography, and for models that only a profile serves (providers §4).
 */
export function resolveModel(id: string, region: string, names: ProfileNames): ModelTarget {
	const bare = id.startsWith("arn:") ? (id.split("/").at(-1) ?? id) : id;
	const isApplication = id.includes(":application-inference-profile/") || names.application[bare] !== undefined;
	const modelId = isApplication ? names.application[bare] : bare;
	if (modelId === undefined)
		throw new ApiError(404, "The provided inference profile does not exist.", { type: "ResourceNotFoundException" });
	const [, prefix = null, model = ""] = /^(?:([a-z]+)\.)?(anthropic\..+)$/.exec(modelId) ?? [];
	if (model === "" || findModel(model) === null) throw invalid("The provided model identifier is invalid.");
	if (prefix === null) {
		if (needsProfile(model)) {
			throw invalid(
				`Invocation of model ID ${modelId} with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.`,
			);
		}
		return { modelId, profile: null, regions: [region] };
	}
	const regions = names.regions[prefix] ?? PROFILE_REGIONS[prefix];
	if (regions === undefined) throw invalid("The provided model identifier is invalid.");
	// A geographic profile exists in its own geography only; its source Region may lie outside of the list of one's own.
	const isForeign = names.regions[prefix] === undefined && prefix !== "global" && !geographyOf(region).includes(prefix);
	if (isForeign) throw invalid("The provided model identifier is invalid.");
	return { modelId, profile: prefix, regions };
}

/** The body of GET /inference-profiles. */
export interface ProfileList {
	readonly inferenceProfileSummaries: readonly { readonly inferenceProfileId: string; readonly type: string }[];
}

/** The profiles that exist in a Region. */
export function listProfiles(region: string, accountId: string, names: ProfileNames): ProfileList {
	const prefixes = [...geographyOf(region), "global"];
	const system = prefixes.flatMap((prefix) =>
		MODELS.map((model) => {
			const id = `${prefix}.anthropic.${model.id}`;
			const regions = names.regions[prefix] ?? PROFILE_REGIONS[prefix] ?? [region];
			return {
				inferenceProfileId: id,
				inferenceProfileArn: `arn:aws:bedrock:${region}:${accountId}:inference-profile/${id}`,
				inferenceProfileName: `${prefix.toUpperCase()} Anthropic ${model.displayName}`,
				models: regions.map((at) => ({ modelArn: `arn:aws:bedrock:${at}::foundation-model/anthropic.${model.id}` })),
				status: "ACTIVE",
				type: "SYSTEM_DEFINED",
			};
		}),
	);
	const application = Object.entries(names.application).map(([id, stands]) => ({
		inferenceProfileId: id,
		inferenceProfileArn: `arn:aws:bedrock:${region}:${accountId}:application-inference-profile/${id}`,
		inferenceProfileName: id,
		models: [
			{ modelArn: `arn:aws:bedrock:${region}::foundation-model/${stands.replace(/^[a-z]+\.(?=anthropic\.)/, "")}` },
		],
		status: "ACTIVE",
		type: "APPLICATION",
	}));
	return { inferenceProfileSummaries: [...system, ...application] };
}

/** Opus 5, Sonnet 5, Fable, Mythos and the 5.5 family have no in-Region access on the runtime endpoint. */
function needsProfile(model: string): boolean {
	return /claude-(opus|sonnet|haiku|fable|mythos)-([5-9])/.test(model);
}

function geographyOf(region: string): readonly string[] {
	if (region.startsWith("us-")) return ["us"];
	if (region.startsWith("eu-")) return ["eu"];
	if (region === "ap-northeast-1" || region === "ap-northeast-3") return ["jp", "apac"];
	if (region === "ap-southeast-2" || region === "ap-southeast-4") return ["au", "apac"];
	return region.startsWith("ap-") ? ["apac"] : [];
}
