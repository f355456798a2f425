import { expect, test } from "vitest";
import { claudeModel } from "./claude-models.ts";

const OLD = { refusesSampling: false, refusesBoth: false, refusesPrefill: false, longContextBeta: false };
const NEW = { refusesSampling: true, refusesBoth: true, refusesPrefill: true, longContextBeta: false };

test.each([
	["claude-3-haiku-20240307", OLD],
	["claude-3-5-sonnet-20241022", OLD],
	["claude-3-7-sonnet-latest", OLD],
	["anthropic.claude-3-opus-20240229-v1:0", OLD],
	["claude-sonnet-4-20250514", { ...OLD, longContextBeta: true }],
	["claude-opus-4@20250514", OLD],
	["claude-opus-4-1-20250805", { ...OLD, refusesBoth: true }],
	["us.anthropic.claude-sonnet-4-5-20250929-v1:0", { ...OLD, refusesBoth: true, longContextBeta: true }],
	["claude-haiku-4-5@20251001", { ...OLD, refusesBoth: true }],
	["anthropic/claude-opus-4.5", { ...OLD, refusesBoth: true }],
	["claude-opus-4-6", { ...OLD, refusesBoth: true, refusesPrefill: true }],
	["global.anthropic.claude-sonnet-4-6", { ...OLD, refusesBoth: true, refusesPrefill: true }],
	["claude-opus-4-7", NEW],
	["eu.anthropic.claude-opus-4-7-v1", NEW],
	["claude-opus-4-8-20260601", NEW],
	["claude-opus-5", NEW],
	["claude-sonnet-5-5", NEW],
	["claude-haiku-5-5", NEW],
	["claude-fable-5-2", NEW],
	["claude-mythos-preview", NEW],
])("%s is known for what it refuses", (model, wanted) => {
	expect(claudeModel(model)).toEqual(wanted);
});

test.each(["my-deployment", "gpt-5", "claude", "claude-code", "claude-*"])("nothing is said of %s", (model) => {
	expect(claudeModel(model)).toBeNull();
});
