/** What localcloud says of itself: its commands and their options. */

export const USAGE = `localcloud: an EC2 endpoint on this computer whose instances really boot

npm run localcloud -- start [--json] [--directory DIR] [--helper-node present|package|tarball]
                            [--end-with-stdin] [--faults FILE.json]
                            [--isolation processes|namespaces]
    Prints the environment to export and runs until Ctrl-C (SIGINT, SIGTERM).
    --json            the environment as one line {"env": {NAME: VALUE, ...}}
    --directory       for its disks: a new or empty folder, whose contents are removed at the end;
                      default: a temporary one
    --helper-node     what \`node\` a booting instance finds; default: present
    --end-with-stdin  ends also when standard input ends: with the program that started it
    --faults          what is to go wrong (docs/localcloud-faults.md); told on standard error
    --isolation       namespaces: each instance with a network and files of its own, its security
                      groups as firewall rules, a long lossy link between regions (Linux, root)

The others reach the running one through that environment:

npm run localcloud -- import-image --region REGION [--account ACCOUNT]
                                   --disk DEVICE=FILE.raw [--disk DEVICE=FILE.raw ...]
                                   [--name NAME] [--architecture x86_64|arm64]
                                   [--describe FILE.json] [--json]
    Registers an image from raw disk files, padded with zeros to whole GiB, and prints its id.
    The first disk is the root. ACCOUNT is an account id or a profile's name (aws-us-gov-1);
    default: the first account of the region's partition.
    --describe        what else it is: licence, boot mode, TPM, mappings, tags, sharing, …, e.g.
                      {"usageOperation": "RunInstances:0002", "tags": {"Name": "golden"}};
                      all of it is in localcloud/image-description.ts

npm run localcloud -- configure --region REGION [--account ACCOUNT] SETTINGS.json
    What an account may and how much of it; prints its keys as JSON. For example
    {"denied": ["ec2:CreateImage"], "quotas": {"vcpus": 4}, "defaultVpc": false,
     "keys": {"alias/amicopy-test": {"enabled": false}}, "subscriptions": ["product-code"]}

npm run localcloud -- export-snapshot --region REGION [--account ACCOUNT] SNAPSHOT FILE.raw
    Writes a snapshot's bytes into a file.

npm run localcloud -- list [--json]
    Images, snapshots, volumes, instances and security groups that were made, by account and
    region, with state and tags; no other parts of networks, no key pairs.

npm run localcloud -- faults [FILE.json] [--json]
    From now on these faults and no others; without a file: what has gone wrong so far.

To keep npm's own lines out of the output: npm run --silent localcloud -- ...
`;
