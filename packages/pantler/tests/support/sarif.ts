import schema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import Ajv from "ajv-draft-04";
import formats from "ajv-formats";

/** The schema that the OASIS committee published, as Microsoft's matchers for tests carry it. */
export function sarifValidator() {
  const ajv = new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false });
  formats.default(ajv);
  return ajv.compile(schema);
}
