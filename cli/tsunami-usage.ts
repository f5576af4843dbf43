/** What the command line of tsunami can say, and the error of whoever says something else. */

export const USAGE = `tsunami: fetch files fast over long, lossy links

npm run tsunami -- serve [--address A] [--port 46224] [--secret-file F] FILE...
    Serves these files and nothing else, until Ctrl-C. Each is asked for by its name as given here,
    or by its base name. Any original tsunami can fetch them.
    --heartbeat SECONDS   gives up on a receiver that is silent so long; default 15

npm run tsunami -- get HOST[:PORT] FILE... [--output PATH] [--secret-file F] [--rate R]
                       [--block-size N]
    Fetches files from us or from any original tsunamid; '*' fetches all. They arrive under their
    base names, or as PATH, or in PATH if that is a folder. A file appears when it is whole.
    --rate R              bits of file a second, with k, M or G; default 650M
    --block-size N        bytes of file in a datagram, 1 to 65501; default 1024
    --error PERCENT       above it the sender slows down; default 7.5
    --slowdown N/D        by this factor of its gap; default 25/24
    --speedup N/D         and up again by this one; default 5/6
    --history PERCENT     weight of the past in the error rate; default 25
    --lossy               ask for nothing again: what is lost stays zeros
    --loss-window MS      with --lossy: ask again for what was lost in the last MS
    --udp-port P          first port to receive on; default 46224, the next free one is taken
    --data-from A         the sender's data come from this address instead of HOST's

npm run tsunami -- list HOST[:PORT] [--secret-file F]

All three:
    --secret-file F       the shared secret, in a file; default: the original's, which is no secret
    --sealed --psk-file F the sealed revision: encrypted, proved, no parameters. F holds 64 hex
                          digits (openssl rand -hex 32). One receiver at a time; files, block devices
                          and /dev/null. get takes --rate R as an upper limit, if given, and none of the
                          other parameters; serve no --heartbeat.
                          A get that was stopped or killed leaves NAME.part: the same get goes on.
    --size BYTES          serve --sealed: the length of a character device such as /dev/urandom
    --json                results as lines of JSON

Exit codes: 0 done, 1 failed, 2 wrongly asked, 3 no such file, 4 refused, 5 peer not reached or
lost, 6 disk, 130 stopped.

To keep npm's own lines out of the output: npm run --silent tsunami -- ...
`;
