/** Changes the copy behind Pulumi's back, as a colleague with a console would. */

import {
  DeleteTagsCommand,
  DeregisterImageCommand,
  type EC2Client,
  ModifyImageAttributeCommand,
} from "@aws-sdk/client-ec2";

interface Drift {
  readonly what: string;
  readonly make: (client: EC2Client, imageId: string) => Promise<unknown>;
}

export const DRIFTS: Readonly<Record<string, Drift>> = {
  description: {
    what: "changes the image's description",
    make: (client, ImageId) =>
      client.send(
        new ModifyImageAttributeCommand({ ImageId, Description: { Value: "changed by hand" } }),
      ),
  },
  tags: {
    what: "removes the image's Name tag",
    make: (client, imageId) =>
      client.send(new DeleteTagsCommand({ Resources: [imageId], Tags: [{ Key: "Name" }] })),
  },
  public: {
    what: "lets everyone launch the image",
    make: (client, ImageId) =>
      client.send(
        new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add: [{ Group: "all" }] } }),
      ),
  },
  deregister: {
    what: "deregisters the image, its snapshots stay",
    make: (client, ImageId) => client.send(new DeregisterImageCommand({ ImageId })),
  },
};
