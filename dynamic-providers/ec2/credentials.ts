/**
 * From a side's reference to something that signs. Nothing is read before the first call, so that a
 * variable set meanwhile counts, and whatever expires is fetched again by the SDK.
 */

import {
  fromIni,
  fromNodeProviderChain,
  fromTemporaryCredentials,
} from "@aws-sdk/credential-providers";
import type { SideReference } from "./side-reference.ts";

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

export type CredentialProvider = () => Promise<Credentials>;

/** Why there are no credentials, in words for a person. Never contains a value. */
export class CredentialsMissing extends Error {
  override readonly name = "CredentialsMissing";
}

/**
 * @param environment - Where prefixed variables and the places of AWS's files are read.
 * @param endpoint - Of STS, for an assumed role; absent: the region's own.
 */
export function credentialsOf(
  side: SideReference,
  environment: NodeJS.ProcessEnv,
  endpoint: string | undefined,
): CredentialProvider {
  const base = baseCredentials(side, environment);
  const { assumeRole } = side;
  if (assumeRole === undefined) return base;
  return fromTemporaryCredentials({
    masterCredentials: base,
    params: {
      RoleArn: assumeRole.roleArn,
      RoleSessionName: assumeRole.sessionName ?? "amicopy",
      ...(assumeRole.externalId !== undefined && { ExternalId: assumeRole.externalId }),
    },
    clientConfig: { region: side.region, ...(endpoint !== undefined && { endpoint }) },
  });
}

function baseCredentials(side: SideReference, environment: NodeJS.ProcessEnv): CredentialProvider {
  const { profile, environmentPrefix, region } = side;
  const files = {
    ...(environment.AWS_CONFIG_FILE && { configFilepath: environment.AWS_CONFIG_FILE }),
    ...(environment.AWS_SHARED_CREDENTIALS_FILE && {
      filepath: environment.AWS_SHARED_CREDENTIALS_FILE,
    }),
  };
  if (profile !== undefined) return fromIni({ profile, ...files, clientConfig: { region } });
  if (environmentPrefix !== undefined) {
    return async () => readPrefixed(environmentPrefix, environment);
  }
  return fromNodeProviderChain({ ...files, clientConfig: { region } });
}

/**
 * When credentials from the environment end, if it says so (`AWS_CREDENTIAL_EXPIRATION`, as the AWS
 * CLI exports it). All others are fetched again by the SDK; a role's are as good as those below it.
 */
export function endOfCredentials(
  { profile, environmentPrefix }: SideReference,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  if (profile !== undefined) return undefined;
  const prefix = environmentPrefix ?? "";
  // The SDK's chain takes a named profile before the variables.
  if (prefix === "" && environment.AWS_PROFILE) return undefined;
  if (!environment[`${prefix}AWS_ACCESS_KEY_ID`]) return undefined;
  const end = environment[`${prefix}AWS_CREDENTIAL_EXPIRATION`] ?? "";
  return Number.isNaN(Date.parse(end)) ? undefined : end;
}

function readPrefixed(prefix: string, environment: NodeJS.ProcessEnv): Credentials {
  const required = (name: string): string => {
    const value = environment[`${prefix}${name}`];
    if (value) return value;
    throw new CredentialsMissing(
      `the environment variable ${prefix}${name} is not set where Pulumi runs`,
    );
  };
  const sessionToken = environment[`${prefix}AWS_SESSION_TOKEN`];
  return {
    accessKeyId: required("AWS_ACCESS_KEY_ID"),
    secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
    ...(sessionToken && { sessionToken }),
  };
}
