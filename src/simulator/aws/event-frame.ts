// Frames of application/vnd.amazon.eventstream, as bytes. Leaves what they carry to the Bedrock dialect.
import { crc32 } from "node:zlib";

const STRING_TYPE = 7;
/** Total length, header length, checksum of both. */
const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;

/** One frame. Header values are strings; names and values must be shorter than 256 and 65,536 bytes. */
function eventFrame(headers: Readonly<Record<string, string>>, payload: Buffer): Buffer {
	const encoded = Buffer.concat(Object.entries(headers).map(([name, value]) => encodeHeader(name, value)));
	const total = PRELUDE_BYTES + encoded.length + payload.length + CHECKSUM_BYTES;
	const frame = Buffer.alloc(total);
	frame.writeUInt32BE(total, 0);
	frame.writeUInt32BE(encoded.length, 4);
	frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
	encoded.copy(frame, PRELUDE_BYTES);
	payload.copy(frame, PRELUDE_BYTES + encoded.length);
	frame.writeUInt32BE(crc32(frame.subarray(0, total - CHECKSUM_BYTES)), total - CHECKSUM_BYTES);
	return frame;
}

/** A frame that holds an event of the service. */
export function eventMessage(eventType: string, json: unknown): Buffer {
	const headers = { ":event-type": eventType, ":content-type": "application/json", ":message-type": "event" };
	return eventFrame(headers, Buffer.from(JSON.stringify(json)));
}

/** A frame that ends a stream with a modelled exception, named as in the API's model, such as `throttlingException`. */
export function exceptionMessage(exceptionType: string, message: string): Buffer {
	const headers = {
		":exception-type": exceptionType,
		":content-type": "application/json",
		":message-type": "exception",
	};
	return eventFrame(headers, Buffer.from(JSON.stringify({ message })));
}

function encodeHeader(name: string, value: string): Buffer {
	const nameBytes = Buffer.from(name);
	const valueBytes = Buffer.from(value);
	const header = Buffer.alloc(1 + nameBytes.length + 1 + 2 + valueBytes.length);
	header.writeUInt8(nameBytes.length, 0);
	nameBytes.copy(header, 1);
	header.writeUInt8(STRING_TYPE, 1 + nameBytes.length);
	header.writeUInt16BE(valueBytes.length, 2 + nameBytes.length);
	valueBytes.copy(header, 4 + nameBytes.length);
	return header;
}
