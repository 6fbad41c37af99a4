# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small roles that do what widely used ones do, in the same ways: the same tasks, without what they are for.

Each is a text of tasks and one of handlers.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from helpers.cache import cached
from helpers.tools import run_tool

# The package of PyPI that carries ansible.posix and community.general.
_COLLECTIONS = "ansible==12.3.0"

ROLES: dict[str, tuple[str, str]] = {
    # What the others find there: a repository and a library that come by no network
    "prepared": (
        """
- name: Have a repository and a library
  ansible.builtin.shell:
    cmd: |
      set -e
      git init -q -b master /srv/rules.git
      cd /srv/rules.git
      echo rule >rule
      git add rule
      git -c user.name=x -c user.email=x@example commit -q -m x
      mkdir -p /srv/library
      printf 'from setuptools import setup\\nsetup(name="usual", version="1", py_modules=[])\\n' >/srv/library/setup.py
    creates: /srv/library/setup.py
""",
        "",
    ),
    "web_server": (
        """
- name: Install it
  ansible.builtin.apt: {name: nginx-light, update_cache: true, cache_valid_time: 3600}
- name: Configure it
  ansible.builtin.copy:
    dest: /etc/nginx/nginx.conf
    content: |
      user www-data;
      worker_processes {{ ansible_facts.processor_vcpus | default(ansible_facts.processor_count) }};
      pid /run/nginx.pid;
      events { worker_connections 64; }
      http { include /etc/nginx/sites-enabled/*; }
    validate: nginx -t -c %s
    mode: "0644"
  notify: reload nginx
- name: Write a page without a mode
  ansible.builtin.copy: {dest: /srv/page.html, content: "on {{ ansible_facts.hostname }}\\n"}
- name: Leave out the default site
  ansible.builtin.file: {path: /etc/nginx/sites-enabled/default, state: absent}
  notify: reload nginx
- name: Have it run
  ansible.builtin.service: {name: nginx, state: started, enabled: true}
""",
        """
- name: reload nginx
  ansible.builtin.service: {name: nginx, state: reloaded}
""",
    ),
    "container_engine": (
        """
- name: Know what is installed
  ansible.builtin.package_facts:
- name: Have a folder for keys
  ansible.builtin.file: {path: /etc/apt/keyrings, state: directory, mode: "0755"}
- name: Get the key
  ansible.builtin.get_url:
    url: file:///usr/share/keyrings/debian-archive-keyring.gpg
    dest: /etc/apt/keyrings/engine.gpg
    mode: "0644"
- name: Add its repository
  ansible.builtin.apt_repository:
    repo: "deb [signed-by=/etc/apt/keyrings/engine.gpg] http://engine.example/linux stable main"
    filename: engine
    state: present
    update_cache: false
- name: Add another one as a stanza
  ansible.builtin.deb822_repository:
    {name: other, uris: "http://other.example/linux", suites: stable, components: main, enabled: false}
- name: Take it out again
  ansible.builtin.apt_repository:
    repo: "deb [signed-by=/etc/apt/keyrings/engine.gpg] http://engine.example/linux stable main"
    filename: engine
    state: absent
    update_cache: false
- name: Load modules
  ansible.builtin.copy: {dest: /etc/modules-load.d/engine.conf, content: "br_netfilter\\n", mode: "0644"}
- name: Load them now
  ansible.builtin.command: modprobe br_netfilter
- name: Set values of the kernel
  ansible.posix.sysctl: {name: "{{ item }}", value: "1", sysctl_file: /etc/sysctl.d/90-engine.conf}
  loop: [net.ipv4.ip_forward, net.ipv6.conf.all.forwarding]
- name: Go without swap
  ansible.builtin.command: swapoff -a
- name: Have its group
  ansible.builtin.group: {name: engine, system: true}
- name: Have a user in it
  ansible.builtin.user: {name: ops, groups: [engine], append: true, create_home: true}
- name: Let its services start without a login
  ansible.builtin.command: {cmd: loginctl enable-linger ops, creates: /var/lib/systemd/linger/ops}
- name: Write its unit
  ansible.builtin.copy:
    dest: /etc/systemd/system/engine.service
    content: |
      [Service]
      ExecStart=/bin/sleep infinity
      RuntimeDirectory=engine
      [Install]
      WantedBy=multi-user.target
    mode: "0644"
  notify: restart engine
- name: Have it run
  ansible.builtin.systemd_service: {name: engine, enabled: true, state: started, daemon_reload: true}
- name: Run handlers now
  ansible.builtin.meta: flush_handlers
- name: See its folder
  ansible.builtin.stat: {path: /run/engine}
  register: folder
  failed_when: not folder.stat.exists
""",
        """
- name: restart engine
  ansible.builtin.systemd_service: {name: engine, state: restarted}
""",
    ),
    "ntp": (
        """
- name: Set the time zone
  community.general.timezone: {name: Europe/Vienna}
- name: Have one service of time only
  ansible.builtin.systemd_service: {name: systemd-timesyncd, state: stopped, enabled: false, masked: true}
  failed_when: false
- name: Say by which servers
  community.general.ini_file:
    {path: /etc/ntp.ini, section: Time, option: NTP, value: time.example, mode: "0644"}
- name: Set the clock of the hardware
  ansible.builtin.command: hwclock --systohc
  failed_when: false
""",
        "",
    ),
    "security": (
        """
- name: Keep sshd from X11
  ansible.builtin.lineinfile:
    path: /etc/ssh/sshd_config
    regexp: ^#?X11Forwarding
    line: X11Forwarding no
    validate: /usr/sbin/sshd -T -f %s
  notify: restart ssh
- name: Let the operators be root
  ansible.builtin.copy:
    dest: /etc/sudoers.d/operators
    content: "%operators ALL=(ALL) NOPASSWD: ALL\\n"
    mode: "0440"
    validate: /usr/sbin/visudo -cf %s
- name: Have keys
  ansible.posix.authorized_key:
    user: root
    key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGy7IP76hiSGTUNpdgk8rF1trTMA45afDr+2PKltWlpv somebody
- name: Name the host
  ansible.builtin.hostname: {name: web1, use: systemd}
- name: Be somebody else
  ansible.builtin.command: id -un
  become: true
  become_user: nobody
  register: who
  failed_when: who.stdout != 'nobody'
  changed_when: false
""",
        """
- name: restart ssh
  ansible.builtin.service: {name: ssh, state: restarted}
""",
    ),
    "ssh_hardening": (
        """
- name: Configure sshd
  ansible.builtin.copy:
    dest: /etc/ssh/sshd_config.d/20-hardening.conf
    content: |
      MaxAuthTries 3
      {% for key in ['ed25519', 'rsa'] %}
      HostKey /etc/ssh/ssh_host_{{ key }}_key
      {% endfor %}
    mode: "0600"
- name: See whether sshd takes it
  ansible.builtin.command: sshd -t
  changed_when: false
- name: Know its host keys
  ansible.builtin.debug: {msg: "{{ ansible_facts.ssh_host_key_ed25519_public }}"}
- name: Drop weak moduli
  ansible.builtin.shell: awk '$5 >= 3071' /etc/ssh/moduli >/etc/ssh/moduli.new && mv /etc/ssh/moduli.new /etc/ssh/moduli
- name: Keep out a known host
  ansible.builtin.known_hosts:
    name: git.example
    path: /etc/ssh/ssh_known_hosts
    key: git.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGy7IP76hiSGTUNpdgk8rF1trTMA45afDr+2PKltWlpv
""",
        "",
    ),
    "os_hardening": (
        """
- name: Set values of the kernel now
  ansible.posix.sysctl:
    {name: kernel.kptr_restrict, value: "2", sysctl_set: true, sysctl_file: /etc/sysctl.d/99-hardening.conf}
- name: Read all files of such values
  ansible.builtin.command: sysctl --system
- name: Limit open files
  community.general.pam_limits: {domain: "*", limit_type: hard, limit_item: core, value: "0"}
- name: Keep file systems from being loaded
  ansible.builtin.copy: {dest: /etc/modprobe.d/hardening.conf, content: "install cramfs /bin/false\\n", mode: "0644"}
  notify: make the initramfs
- name: Ask what is mounted
  ansible.builtin.assert: {that: "ansible_facts.mounts | selectattr('mount', 'eq', '/') | length == 1"}
- name: Give the kernel an argument
  ansible.builtin.lineinfile:
    path: /etc/default/grub
    regexp: ^GRUB_CMDLINE_LINUX_DEFAULT=
    line: GRUB_CMDLINE_LINUX_DEFAULT="slab_nomerge"
    create: true
    mode: "0644"
  notify: update grub
- name: Mount a folder of its own
  ansible.posix.mount: {path: /mnt/scratch, src: tmpfs, fstype: tmpfs, opts: "nosuid,nodev", state: mounted}
- name: Give a program a right
  community.general.capabilities: {path: /bin/sleep, capability: cap_net_raw+ep, state: present}
- name: Protect a file
  ansible.builtin.file: {path: /etc/hardened, state: touch, mode: "0600"}
- name: Keep a package as it is
  ansible.builtin.dpkg_selections: {name: procps, selection: hold}
- name: Make it immutable
  ansible.builtin.file: {path: /etc/hardened, attributes: +i}
- name: Reboot
  ansible.builtin.reboot: {reboot_timeout: 600}
- name: Wait for it
  ansible.builtin.wait_for_connection: {timeout: 600}
""",
        """
- name: make the initramfs
  ansible.builtin.command: sh -c 'command -v update-initramfs >/dev/null || exit 0; update-initramfs -u'
- name: update grub
  ansible.builtin.command: update-grub
""",
    ),
    "database": (
        """
- name: Install it, and start nothing
  ansible.builtin.apt: {name: memcached, policy_rc_d: 101, install_recommends: false}
- name: Answer its questions
  ansible.builtin.debconf: {name: tzdata, question: tzdata/Areas, value: Europe, vtype: select}
- name: Have its locale
  community.general.locale_gen: {name: de_AT.UTF-8}
- name: Have its account
  ansible.builtin.user: {name: db, system: true, home: /srv/db, shell: /bin/sh}
- name: Set it up as its account
  ansible.builtin.copy: {dest: /srv/db/settings, content: "of db\\n", mode: "0600"}
  become: true
  become_user: db
- name: Make room
  ansible.builtin.command: {cmd: truncate -s 200G /srv/db/space, creates: /srv/db/space}
- name: Do what takes long
  ansible.builtin.shell: sleep 2; echo finished >/srv/db/job
  async: 60
  poll: 1
- name: Do what is not waited for
  ansible.builtin.shell: sleep 2; echo finished >/srv/db/other-job
  async: 60
  poll: 0
  register: job
- name: Wait for it
  ansible.builtin.async_status: {jid: "{{ job.ansible_job_id }}"}
  register: state
  until: state is finished
  retries: 30
  delay: 1
- name: Make copies at night
  ansible.builtin.cron: {name: copies, minute: "5", hour: "3", job: /bin/true, user: db}
- name: Have room to swap
  ansible.builtin.shell:
    cmd: fallocate -l 1M /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile
    creates: /swapfile
- name: Let another account read
  ansible.posix.acl: {path: /srv/db, entity: nobody, etype: user, permissions: rx, state: present}
""",
        "",
    ),
    "monitoring": (
        """
- name: Pack something on the controller
  ansible.builtin.copy: {content: "#!/bin/sh\\nexec sleep infinity\\n", dest: "{{ usual_folder }}/agent", mode: "0755"}
  delegate_to: localhost
  run_once: true
- name: Make it an archive
  ansible.builtin.command: tar -czf {{ usual_folder }}/agent.tar.gz -C {{ usual_folder }} agent
  delegate_to: localhost
- name: Unpack it
  ansible.builtin.unarchive: {src: "{{ usual_folder }}/agent.tar.gz", dest: /usr/local/bin}
- name: Choose it among others
  community.general.alternatives: {name: agent, link: /usr/bin/agent, path: /usr/local/bin/agent}
- name: Fetch its rules
  ansible.builtin.git: {repo: /srv/rules.git, dest: /srv/rules, version: master}
- name: Have its library
  ansible.builtin.pip:
    name: /srv/library
    virtualenv: /opt/agent
    virtualenv_command: python3 -m venv
    virtualenv_site_packages: true
    extra_args: --no-build-isolation --no-index
- name: Know its environment
  ansible.builtin.assert: {that: "'goldsmith' not in ansible_facts.env.PATH"}
- name: Have a job of a user
  ansible.builtin.systemd_service: {name: systemd-tmpfiles-clean.timer, scope: global, enabled: true}
- name: Have a folder for the units of one user
  ansible.builtin.file:
    {path: /home/ops/.config/systemd/user, state: directory, owner: ops, group: ops, mode: "0755"}
- name: Write one
  ansible.builtin.copy:
    dest: /home/ops/.config/systemd/user/collect.service
    content: |
      [Service]
      ExecStart=/bin/sleep infinity
      [Install]
      WantedBy=default.target
    owner: ops
    group: ops
    mode: "0644"
- name: Have it run
  ansible.builtin.systemd_service: {name: collect, scope: user, enabled: true, state: started, daemon_reload: true}
  become: true
  become_user: ops
- name: Know the services
  ansible.builtin.service_facts:
- name: Know an account
  ansible.builtin.getent: {database: passwd, key: root}
- name: Run a script of the controller
  ansible.builtin.script: {cmd: "{{ usual_folder }}/agent.sh"}
""",
        "",
    ),
}
PACKAGES = (
    *(
        "python3",
        "python3-apt",
        "python3-debian",
        "python3-venv",
        "python3-setuptools",
        "python3-wheel",
        "systemd-sysv",
        "udev",
    ),
    *("openssh-server", "sudo", "cron", "procps", "kmod", "iproute2", "iptables", "git", "gpg", "acl", "locales"),
    *("e2fsprogs", "libcap2-bin", "grub2-common", "ca-certificates", "debconf-utils"),
)


# What is seen afterwards in the tree, and in the image of a system that ran
QUESTIONS = [
    # Facts of the smallest instance, the name of no host, and a mode that no umask of the host decided
    ("grep worker_processes /etc/nginx/nginx.conf", "worker_processes 1;"),
    ("cat /srv/page.html; stat -c %a /srv/page.html", "on localhost\n644"),
    # Services are enabled, and start with the instance
    ("systemctl is-enabled nginx engine cron memcached", "enabled\n" * 4),
    # What is to be set and loaded stands in files
    ("cat /etc/sysctl.d/90-engine.conf", "net.ipv4.ip_forward=1\nnet.ipv6.conf.all.forwarding=1"),
    ("cat /etc/sysctl.d/99-hardening.conf", "kernel.kptr_restrict=2"),
    ("cat /etc/modules-load.d/engine.conf", "br_netfilter"),
    ("id -nG ops", "ops engine"),
    ("ls /etc/apt/sources.list.d | grep engine || echo none", "none"),
    (
        "grep -c ^ /etc/apt/sources.list.d/other.sources; grep Suites /etc/apt/sources.list.d/other.sources",
        "6\nSuites: stable",
    ),
    ("readlink /etc/localtime; cat /etc/timezone", "/usr/share/zoneinfo/Europe/Vienna\nEurope/Vienna"),
    ("cat /etc/hostname", "web1"),
    ("sshd -T | grep -iE '^(maxauthtries|x11forwarding)'", "maxauthtries 3\nx11forwarding no"),
    ("stat -c '%a %U' /etc/sudoers.d/operators", "440 root"),
    ("awk '$5 ~ /^[0-9]+$/ && $5 < 3071' /etc/ssh/moduli | wc -l", "0"),
    ("ls /boot/grub/grub.cfg 2>/dev/null || cat /etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="slab_nomerge"'),
    ("grep /mnt/scratch /etc/fstab", "tmpfs /mnt/scratch tmpfs nosuid,nodev 0 0"),
    ("getcap /bin/sleep", "/bin/sleep cap_net_raw=ep"),
    ("apt-mark showhold", "procps"),
    ("lsattr /etc/hardened | cut -c5", "i"),
    # Nobody is left waiting for a task in the background
    ("cat /srv/db/job /srv/db/other-job", "finished\nfinished"),
    ("stat -c '%U %a' /srv/db/settings", "db 600"),
    ("crontab -u db -l | tail -n 1", "5 3 * * * /bin/true"),
    ("stat -c '%s %b' /srv/db/space", "214748364800 0"),
    ("locale -a | grep de_AT", "de_AT.utf8"),
    ("getfacl -cp /srv/db | grep nobody", "user:nobody:r-x"),
    ("cat /srv/rules/rule; readlink /etc/alternatives/agent; cat /srv/script", "rule\n/usr/local/bin/agent\nran"),
    ("/opt/agent/bin/pip list 2>/dev/null | grep usual | tr -s ' '", "usual 1"),
    # Services of a user start with the instance too
    (
        "readlink /home/ops/.config/systemd/user/default.target.wants/*; ls /var/lib/systemd/linger",
        "/home/ops/.config/systemd/user/collect.service\nops",
    ),
    # The policy that keeps services from being started was a role's own for a while, and is gone
    ("ls /usr/sbin/policy-rc.d", "/usr/sbin/policy-rc.d"),
]


def write(folder: Path) -> list[Path]:
    """Write the roles into a folder, and return theirs."""
    for name, (tasks, handlers) in ROLES.items():
        for part, text in (("tasks", tasks), ("handlers", handlers)):
            (folder / name / part).mkdir(parents=True, exist_ok=True)
            (folder / name / part / "main.yml").write_text(text or "[]\n")
    (folder / "agent.sh").write_text("#!/bin/sh\necho ran >/srv/script\n")
    return [folder / name for name in ROLES]


def collections() -> Path:
    """The folder with the collections whose modules they use."""

    def make(folder: Path) -> None:
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", _COLLECTIONS, "--dest", str(folder)]
        run_tool(argv, cwd=folder, timeout=600)
        wheel = next(folder.glob("*.whl"))
        places = tuple(f"ansible_collections/{name}/" for name in ("ansible/posix", "community/general"))
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(places)])
        wheel.unlink()

    return cached("collections", _COLLECTIONS, make)
