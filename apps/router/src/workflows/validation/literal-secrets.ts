/** How credentials of well-known issuers begin; none of them is a word of a language. */
const ISSUED =
  /(?:^|[^A-Za-z0-9])(?:ghp_|gho_|ghs_|github_pat_|glpat-|sk-[A-Za-z0-9]|xox[abps]-|AKIA[0-9A-Z]|AIza|ya29\.|npm_|hf_|pk_live_|sk_live_|rk_live_|SG\.|dop_v1_)[A-Za-z0-9_\-.]{14,}/;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const JSON_WEB_TOKEN = /(?:^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,400}\.eyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]+/;
const AUTHORIZATION = /^(?:Bearer|Basic|token)\s+[A-Za-z0-9+/_\-.=]{12,}$/i;

/** Whether a text looks like a credential that somebody issued. */
export function looksSecret(text: string): boolean {
  if (text.length < 16) return false;
  return ISSUED.test(text) || PRIVATE_KEY.test(text) || JSON_WEB_TOKEN.test(text) || AUTHORIZATION.test(text);
}
