#!/bin/sh
exec pulumi preview --non-interactive --color never
