declare module "squawk-cli/js/index.js" {
  /** @throws Error where the platform's package is not installed */
  export function getBinaryPath(): string;
}
