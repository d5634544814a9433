# Boots systemd as process 1 of a small system of its own: this machine's files, of which nothing is changed (an overlay in
# memory), no unit but its journal and those that are put there, and this machine's network. Needs root.
#   $1 an empty folder   $2 a folder that is shown as /pkg   $3 a control group (version 2) of its own
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
echo $$ > "$3/cgroup.procs"
# What it is told apart by is a process's own control group: so only from here on.
exec unshare --cgroup sh -e -c '
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch "dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mkdir -p pkg
mount --bind "$2" pkg
# Services of this machine have no business here.
mount -t tmpfs tmpfs etc/systemd/system
for part in .service .socket -dev-log.socket; do cp "lib/systemd/system/systemd-journald$part" etc/systemd/system/; done
for target in sysinit basic sockets shutdown umount network-online multi-user; do
    printf "[Unit]\nDefaultDependencies=no\nWants=systemd-journald.service\nAfter=systemd-journald.service\n" > "etc/systemd/system/$target.target"
done
# systemd counts on it: what it mounts is seen in the namespaces of its services, too.
pivot_root . mnt
umount -l mnt
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test SYSTEMD_UNIT_PATH=/etc/systemd/system \
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
' sh "$1/root" "$2"
