export { type LocalStatus, localStatus, type StartResult, startLocal } from "./local.js";
