/** The version of etcd whose API this is; clients compare its numbers with what they need. */
export const apiVersion = '3.6.0';
/** Its first two numbers, as a member and a cluster tell what they store and speak. */
export const storageVersion = '3.6';
export const clusterVersion = '3.6.0';
