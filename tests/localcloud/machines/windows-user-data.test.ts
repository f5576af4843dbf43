import assert from "node:assert/strict";
import { test } from "node:test";
import { translateWindowsUserData } from "../../../localcloud/machines/windows-user-data.ts";

const translate = (text: string) => translateWindowsUserData(Buffer.from(text)).toString();

test("a shutdown at a set time is what a Windows does of its user data", () => {
  const script = "#!/bin/sh\nsleep 3600\nshutdown -P now\n";
  assert.equal(translate("<script>shutdown /s /t 3600</script>"), script);
  assert.equal(
    translate("<powershell>\nWrite-Host up\nshutdown.exe /s /f /t 3600 /c lease\n</powershell>"),
    script,
  );
});

test("what a Linux would run is nothing to a Windows", () => {
  assert.equal(translate("#!/bin/sh\nshutdown -P +60\n"), "");
  assert.equal(translate("shutdown /s /t 3600"), "");
  assert.equal(translate("<script>echo shutdown</script>"), "");
});
