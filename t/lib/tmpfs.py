"""A file system of a few megabytes, to be filled."""
import os
import shutil
import tempfile

from posthorn import run


class Tmpfs:
    """Mounted is false for who is not root, or may not."""

    def __init__(self, size):
        self.dir = tempfile.mkdtemp(prefix='posthorn-tmpfs-')
        self.mounted = os.getuid() == 0 and run(['mount', '-t', 'tmpfs', '-o', 'size=' + size, 'tmpfs', self.dir]).returncode == 0

    def fill(self, leave=0):
        """Use up what is free, but leave so many bytes."""
        left = os.statvfs(self.dir)
        free = left.f_bavail * left.f_frsize - leave
        with open(os.path.join(self.dir, 'filler'), 'ab') as f:
            try:
                while free > 0:
                    free -= f.write(bytes(min(free, 65536)))
                    f.flush()
            except OSError:
                pass

    def empty(self):
        os.unlink(os.path.join(self.dir, 'filler'))

    def remove(self):
        if self.mounted:
            run(['umount', '-l', self.dir])
        shutil.rmtree(self.dir, ignore_errors=True)
