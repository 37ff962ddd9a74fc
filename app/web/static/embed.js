/**
 * Signs an embedded front end in at Hearth and calls Infobip for it:
 *
 *   import { connect } from "https://hearth.example/embed.js";
 *   const hearth = await connect();
 *   const answer = await hearth.infobip("/account/1/balance");
 *
 * It works on Hearth's own origin and on those of CORS_ORIGINS, with a session cookie or with a
 * bearer token, which stays in this module's memory. Types and words are in embed.d.ts; what is
 * exported beyond them is for Hearth's own pages and may change.
 */

export { connect } from "./embed/connect.js";
export { HearthError } from "./embed/errors.js";

export { post } from "./embed/calls.js";
export {
  beginInPage,
  challengeOf,
  findFlow,
  forgetFlow,
  keepHandover,
  newVerifier,
  storageWorks,
} from "./embed/flow.js";
export { readFragment, writeFragment } from "./embed/fragment.js";
