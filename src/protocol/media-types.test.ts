import { expect, test } from "vitest";
import { mediaTypeOf } from "./media-types.ts";

const JPEG = "/9j/4AAQSkZJRg==";
const PNG = "iVBORw0KGgoAAAANSUhEUg==";
const GIF = "R0lGODlhAQABAAAAACw=";
const WEBP = Buffer.from("RIFF\x24\xff\x10\x03WEBPVP8 ", "latin1").toString("base64");
const UNKNOWN = "AAAA";

test.each([
	["image/jpg", UNKNOWN, "image/jpeg"],
	["image/pjpeg", UNKNOWN, "image/jpeg"],
	["IMAGE/PNG", UNKNOWN, "image/png"],
	["image/x-png", UNKNOWN, "image/png"],
	["image/png; charset=utf-8", UNKNOWN, "image/png"],
	["image/png", JPEG, "image/jpeg"],
	["image/jpeg", PNG, "image/png"],
	["image/jpeg", GIF, "image/gif"],
	["image/png", WEBP, "image/webp"],
	["application/octet-stream", PNG, "image/png"],
	["", JPEG, "image/jpeg"],
	["image/tiff", UNKNOWN, "image/tiff"],
	["application/pdf", JPEG, "application/pdf"],
	["text/plain", PNG, "text/plain"],
	["", UNKNOWN, ""],
])("'%s' on %s is %s", (label, data, type) => {
	expect(mediaTypeOf(label, data)).toBe(type);
});
