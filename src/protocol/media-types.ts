// What kind of image base64 data is. Leaves the block around it to those who make one.

/** The types that the Messages API takes (its reference, Base64ImageSource), by how the data of each begins. */
const BEGINNINGS: readonly (readonly [string, RegExp])[] = [
	["image/png", /^iVBORw0KGgo/],
	["image/jpeg", /^\/9j\//],
	["image/gif", /^R0lGOD/],
	// RIFF, four bytes of length, WEBP.
	["image/webp", /^UklGR.{6}XRUJQ/],
];

/** Names that are in use for the types above (NousResearch/hermes-agent #55432; older browsers and cameras). */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
	["image/jpg", "image/jpeg"],
	["image/pjpeg", "image/jpeg"],
	["image/jpe", "image/jpeg"],
	["image/jfif", "image/jpeg"],
	["image/x-citrix-jpeg", "image/jpeg"],
	["image/x-png", "image/png"],
	["image/apng", "image/png"],
	["image/x-citrix-png", "image/png"],
	["image/x-gif", "image/gif"],
	["image/x-webp", "image/webp"],
]);

/**
 * The media type of base64 data: what an image's own first bytes say (the API refuses another), else the name that `label` stands for, in
 * lower case and without parameters. Data that is no known image keeps its label.
 */
export function mediaTypeOf(label: string, data: string): string {
	const plain = label.split(";", 1)[0]?.trim().toLowerCase() ?? "";
	const named = OTHER_NAMES.get(plain) ?? plain;
	const isOpen = named === "" || named.startsWith("image/") || named === "application/octet-stream";
	if (!isOpen) return named;
	const head = data.slice(0, 16);
	return BEGINNINGS.find(([, begins]) => begins.test(head))?.[0] ?? named;
}
