/** What an environment may be called, so that it can be part of the names of files and variables. */
export const environmentName = /^[a-z][a-z0-9_-]*$/;
