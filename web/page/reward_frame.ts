import { createHash } from "node:crypto";
import frame from "../static/reward_frame.js" with { type: "text" };
import worker from "../static/reward_worker.js" with { type: "text" };

const hash = createHash("sha256").update(frame).digest("base64");

/**
 * Policy of the frame in which rewards of the user's are computed: its one script, and workers that
 * it makes, which inherit the policy. Nothing may be fetched, sent or shown.
 */
export const REWARD_FRAME_POLICY = `default-src 'none'; script-src 'sha256-${hash}' blob:; ` +
  "worker-src blob:; form-action 'none'; base-uri 'none'";

/** Document of that frame. The policy is part of it: static hosts send no headers. */
export const REWARD_FRAME = `<!doctype html>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${REWARD_FRAME_POLICY}">
<title>Reward</title>
<script type="text/plain" id="worker">${worker}</script>
<script>${frame}</script>
`;
